import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A TCP link to a port of this machine that can be made slow. */
export interface SlowLink {
  readonly port: number;
  /** Answers that begin from now on come so much later; 0 = at once. */
  delayAnswers(ms: number): void;
  close(): Promise<void>;
}

/** Passes bytes both ways. Nothing is known of what they mean, so TLS goes through untouched. */
export async function startSlowLink(target: number): Promise<SlowLink> {
  const open = new Set<Socket>();
  let delayMs = 0;
  const server = createServer((near) => {
    const far = connect(target, '127.0.0.1');
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      // prettier-ignore
      open.add(one);
      one.on('error', () => undefined);
      one.on('close', () => {
        open.delete(one);
        other.destroy();
      });
    }
    near.pipe(far);
    let last = 0;
    far.on('data', (chunk) => {
      // In order, also when the delay has become shorter meanwhile.
      last = Math.max(last, Date.now() + delayMs);
      const wait = last - Date.now();
      if (wait <= 0) near.write(chunk);
      else setTimeout(() => near.writable && near.write(chunk), wait).unref();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    delayAnswers: (ms) => {
      delayMs = ms;
    },
    close: async () => {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
