import { request } from 'node:https';
import { messageOf } from '../../runtime/errors.ts';

/** Where to reach ourselves as the API server would. */
export interface ProbeTarget {
  readonly host: string;
  readonly port: number;
  /** Name to find in the certificate; also the HTTP host. */
  readonly serverName: string;
  readonly path: string;
  /** PEM of the authorities to trust: the bundle about to be published. */
  readonly trust: string;
}

/** Asks ourselves through the Service. '' = answered, else the reason. Never rejects. */
export async function probeSelf(target: ProbeTarget): Promise<string> {
  try {
    const status = await get(target);
    return status === 200 ? '' : `the webhook Service answered ${status}`;
  } catch (error) {
    return `the webhook Service does not answer: ${messageOf(error)}`;
  }
}

const TIMEOUT_MS = 2000;

/** A new connection each time: an old one would prove nothing about the certificate served now. */
function get({ host, port, serverName, path, trust }: ProbeTarget): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = { host, port, path, servername: serverName, ca: trust, agent: false as const, headers: { host: serverName } };
    const outgoing = request({ ...options, signal: AbortSignal.timeout(TIMEOUT_MS) }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}
