import { request } from 'node:https';
import type { ApiServer } from '../api-server.ts';

/** The API server's own view of one webhook: `apiserver_admission_webhook_admission_duration_seconds`. */
export interface WebhookSeconds {
  readonly count: number;
  /** Seconds that a share `q` of the calls since `before` took at most, as Prometheus' histogram_quantile tells: even within a bucket. */
  quantile(q: number, before: WebhookSeconds): number;
  /** Calls by upper bound. */
  readonly buckets: ReadonlyMap<number, number>;
}

/** /metrics is text, which the client does not read. */
function metricsText({ connection: { server }, caPem, token }: ApiServer): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { ca: caPem, headers: { authorization: `Bearer ${token}` }, agent: false };
    request(`${server}/metrics`, options, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => resolve(text));
    })
      .on('error', reject)
      .end();
  });
}

/** How long calls of this webhook took. */
export async function webhookSeconds(api: ApiServer, name: string): Promise<WebhookSeconds> {
  const text = await metricsText(api);
  const lines = text.split('\n').filter((line) => line.includes(`name="${name}"`));
  const buckets = new Map<number, number>();
  for (const line of lines.filter((one) => one.startsWith('apiserver_admission_webhook_admission_duration_seconds_bucket'))) {
    const bound = Number(/le="([^"]+)"/.exec(line)?.[1]?.replace('+Inf', 'Infinity'));
    buckets.set(bound, (buckets.get(bound) ?? 0) + Number(line.slice(line.lastIndexOf(' ') + 1)));
  }
  const count = buckets.get(Infinity) ?? 0;
  return {
    count,
    buckets,
    quantile: (q, before) => {
      const since = (bound: number): number => (buckets.get(bound) ?? 0) - (before.buckets.get(bound) ?? 0);
      const wanted = q * (count - before.count);
      const bounds = [0, ...[...buckets.keys()].sort((a, b) => a - b)];
      const index = bounds.findIndex((bound) => since(bound) >= wanted && bound > 0);
      const [low = 0, high = Infinity] = [bounds[index - 1], bounds[index]];
      const [below, within] = [since(low), since(high) - since(low)];
      return high === Infinity ? high : low + ((wanted - below) / Math.max(within, 1)) * (high - low);
    },
  };
}

/** Calls of any of our webhooks that the API server has made or tried, whatever became of them. */
export async function webhookCalls(api: ApiServer): Promise<number> {
  const text = await metricsText(api);
  const lines = text
    .split('\n')
    .filter((line) => /^apiserver_admission_webhook_(request_total|fail_open_count|rejection_count)\{/.test(line));
  const ours = lines.filter((line) => line.includes('podvisor.dev"'));
  return ours.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}
