/** One kind of work: gathers by watching, decides purely, writes through the leader. */
export interface Controller {
  start(): void;
  stop(): Promise<void>;
  /** '' = its caches are filled, else what is missing. */
  unready(): string;
}
