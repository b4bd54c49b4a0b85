import { post, type Side } from '../lib/side.ts';

/** How late requests were sent, ms: what this machine does to a process that only waits. All sides' latencies contain as much. */
export const lateness: number[] = [];

/** Requests that got no answer: our server ends those that have not arrived whole in 1.8 s, which an overloaded machine makes of some. */
export const lost: string[] = [];

/** An open loop: `count` requests at `rate` a second, whatever becomes of those before. */
export async function paced(side: Side, count: number, rate: number, keep: boolean): Promise<void> {
  const start = performance.now();
  const calls: Promise<void>[] = [];
  for (let index = 0; index < count; index++) {
    const due = start + (index * 1000) / rate;
    const wait = due - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    const sent = performance.now();
    if (keep) lateness.push(sent - due);
    calls.push(
      post(side).then(
        () => {
          if (keep) side.latencies.push(performance.now() - sent);
        },
        (error: unknown) => void lost.push(`${side.name}: ${String(error)}`),
      ),
    );
  }
  await Promise.all(calls);
}

/** A closed loop of `clients` for `seconds`: answers a second. */
export async function flatOut(side: Side, clients: number, seconds: number): Promise<number> {
  const end = performance.now() + seconds * 1000;
  let answers = 0;
  const client = async (): Promise<void> => {
    while (performance.now() < end) {
      await post(side).then(
        () => (answers += 1),
        (error: unknown) => lost.push(`${side.name}: ${String(error)}`),
      );
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  return answers / seconds;
}
