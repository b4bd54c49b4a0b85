/** Replaced by the bundler (esbuild `define`); not there when sources run directly. */
declare const PODVISOR_VERSION: string | undefined;

/** Version of this build, `dev` when run from sources. */
export const VERSION: string = typeof PODVISOR_VERSION === 'undefined' ? 'dev' : PODVISOR_VERSION;
