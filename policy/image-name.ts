/** An image reference taken apart as the container runtime reads it. */
export interface ImageName {
  /** Registry and path, no tag, no digest: `docker.io/library/debian`. */
  readonly repository: string;
  /** `sha256:…`, when the reference has one. */
  readonly digest: string | undefined;
}

/**
 * Reads a reference by the rules of github.com/distribution/reference (normalize.go), which containerd and CRI-O share: the first part is
 * a registry when it has a dot or a colon or is `localhost`, else the registry is docker.io, and a single name lies in its `library/`.
 */
export function imageName(reference: string): ImageName {
  const [name = '', digest] = reference.split('@', 2);
  const path = name.replace(/:[^/:]*$/, '');
  const slash = path.indexOf('/');
  const first = slash < 0 ? '' : path.slice(0, slash);
  const hasRegistry = /[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase();
  const [registry, rest] = hasRegistry ? [first, path.slice(slash + 1)] : ['docker.io', path];
  const host = registry === 'index.docker.io' ? 'docker.io' : registry;
  const repository = host === 'docker.io' && !rest.includes('/') ? `${host}/library/${rest}` : `${host}/${rest}`;
  return { repository, digest };
}
