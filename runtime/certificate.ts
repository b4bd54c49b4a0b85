/** A key and its certificate chain, both PEM. */
export interface KeyPair {
  readonly keyPem: string;
  readonly certPem: string;
}

/** Where a server takes its certificate from; servers follow changes without a restart. */
export interface CertificateSource {
  /** Undefined until the first certificate has arrived. */
  current(): KeyPair | undefined;
  /** Calls `fn` after each change. Returns the unsubscribe function. */
  onChange(fn: () => void): () => void;
}
