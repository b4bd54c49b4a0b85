import jsonPatch from 'fast-json-patch';
import { KINDS, pathOf } from '../../../kube/paths.ts';
import type { Pod } from '../../../api/pod.ts';
import { startHttps } from '../../../runtime/http.ts';
import { silentLog } from '../../../runtime/log.ts';
import { createTestCa } from '../../build/tls.ts';
import type { ApiServer } from '../api-server.ts';

/** Label of a pod whose value is the name of the webhook that is to change it. */
export const TURN = 'test.example/turn';

/** Somebody else's mutating webhook, over HTTPS as any is. */
export interface OtherWebhook {
  /** `namespace/name` of every pod it was asked about, with the operation. */
  readonly asked: string[];
  stop(): Promise<void>;
}

/** When it is called. */
export interface OtherWebhookOptions {
  readonly reinvocationPolicy?: 'Never' | 'IfNeeded';
  readonly everyPod?: boolean;
  /** Of the label whose value is its name; left out = TURN. */
  readonly label?: string;
}

/** Registers `change` for pods that carry `TURN: name`. Configurations are called in the order of their names: ours is `podvisor`. */
export async function startOtherWebhook(
  api: ApiServer,
  name: string,
  change: (pod: Pod) => Pod,
  options: OtherWebhookOptions = {},
): Promise<OtherWebhook> {
  const ca = await createTestCa(`ca of ${name}`);
  const pair = await ca.issue(name);
  const asked: string[] = [];
  const answer = (text: string): string => {
    const { request } = JSON.parse(text) as { request: { uid: string; operation: string; namespace: string; object: Pod } };
    asked.push(`${request.operation} ${request.namespace}/${request.object.metadata.name ?? ''}`);
    const patch = jsonPatch.compare(request.object, change(request.object));
    const changes =
      patch.length === 0 ? {} : { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') };
    const response = { uid: request.uid, allowed: true, ...changes };
    return JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response });
  };
  const server = await startHttps({
    port: 0,
    host: '127.0.0.1',
    log: silentLog,
    certificate: { current: () => pair, onChange: () => () => undefined },
    handler: (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        response.writeHead(200, { 'content-type': 'application/json' }).end(answer(Buffer.concat(chunks).toString()));
      });
    },
  });
  const selector = options.everyPod === true ? {} : { objectSelector: { matchLabels: { [options.label ?? TURN]: name } } };
  await api.client.create(pathOf(KINDS.mutatingWebhooks), {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name },
    webhooks: [
      {
        name: `${name}.test.example`,
        rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
        clientConfig: { url: `https://127.0.0.1:${server.port}/`, caBundle: Buffer.from(ca.certPem).toString('base64') },
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
        failurePolicy: 'Fail',
        timeoutSeconds: 5,
        reinvocationPolicy: options.reinvocationPolicy ?? 'IfNeeded',
        ...selector,
      },
    ],
  });
  return { asked, stop: () => server.close(100) };
}
