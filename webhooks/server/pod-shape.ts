import { isRecord } from '../../runtime/record.ts';

/**
 * The types of those fields of a Pod that Podvisor reads. The API server has decoded what it sends, so this only ever refuses what somebody
 * else has sent; after it the rest of the code may rely on `api/pod.ts`. Fields that are not here may be anything, and pass.
 */
type Shape = 'string' | 'amount' | 'number' | 'boolean' | 'object' | { readonly list: Shape } | { readonly map: Shape } | Fields;
interface Fields {
  readonly fields: Readonly<Record<string, Shape>>;
  readonly required?: readonly string[];
}

const TEXTS: Shape = { list: 'string' };
const TEXT_MAP: Shape = { map: 'string' };
const AMOUNTS: Shape = { map: 'amount' };
const named = (fields: Readonly<Record<string, Shape>>, ...more: readonly string[]): Shape => ({
  fields: { name: 'string', ...fields },
  required: ['name', ...more],
});

const RESOURCES: Shape = { fields: { limits: AMOUNTS, requests: AMOUNTS, claims: { list: named({}) } } };
const PROBE: Shape = { fields: { exec: 'object', httpGet: 'object', tcpSocket: 'object', grpc: 'object' } };
const CONTAINER: Shape = named({
  image: 'string',
  imagePullPolicy: 'string',
  command: TEXTS,
  args: TEXTS,
  workingDir: 'string',
  env: { list: named({ value: 'string' }) },
  envFrom: { list: 'object' },
  ports: { list: 'object' },
  resources: RESOURCES,
  securityContext: {
    fields: { capabilities: { fields: { add: TEXTS, drop: TEXTS } }, seccompProfile: { fields: { type: 'string' } } },
  },
  volumeMounts: { list: named({ mountPath: 'string' }, 'mountPath') },
  volumeDevices: { list: named({ devicePath: 'string' }, 'devicePath') },
  lifecycle: 'object',
  livenessProbe: PROBE,
  readinessProbe: PROBE,
  startupProbe: PROBE,
  stdin: 'boolean',
  stdinOnce: 'boolean',
  tty: 'boolean',
  terminationMessagePath: 'string',
});
const VOLUME: Shape = named({
  emptyDir: 'object',
  image: { fields: { reference: 'string', pullPolicy: 'string' } },
  persistentVolumeClaim: { fields: { claimName: 'string' } },
  secret: { fields: { secretName: 'string' } },
  projected: 'object',
  ephemeral: 'object',
});
const OWNER: Shape = {
  fields: { apiVersion: 'string', kind: 'string', name: 'string', uid: 'string', controller: 'boolean' },
};
const POD: Shape = {
  fields: {
    metadata: {
      fields: {
        name: 'string',
        generateName: 'string',
        namespace: 'string',
        uid: 'string',
        labels: TEXT_MAP,
        annotations: TEXT_MAP,
        ownerReferences: { list: OWNER },
      },
    },
    spec: {
      fields: {
        containers: { list: CONTAINER },
        initContainers: { list: CONTAINER },
        ephemeralContainers: { list: CONTAINER },
        volumes: { list: VOLUME },
        nodeName: 'string',
        hostname: 'string',
        schedulerName: 'string',
        nodeSelector: TEXT_MAP,
        automountServiceAccountToken: 'boolean',
        terminationGracePeriodSeconds: 'number',
        restartPolicy: 'string',
        readinessGates: { list: { fields: { conditionType: 'string' }, required: ['conditionType'] } },
        hostNetwork: 'boolean',
        hostPID: 'boolean',
        hostIPC: 'boolean',
        hostUsers: 'boolean',
        shareProcessNamespace: 'boolean',
        runtimeClassName: 'string',
        os: { fields: { name: 'string' } },
        resources: RESOURCES,
        resourceClaims: { list: named({}) },
        securityContext: 'object',
      },
      required: ['containers'],
    },
  },
  required: ['metadata', 'spec'],
};

/** Where a value is not a Pod, and what it should be; '' = it is one. */
export function podProblem(value: unknown, path: string): string {
  const found = problem(value, POD);
  return found === '' ? '' : path + found;
}

/** '' or the rest of the path and what is wrong there: paths are put together for bad values alone, good ones cost nothing but looking. */
function problem(value: unknown, shape: Shape): string {
  if (typeof shape === 'string') return isScalar(value, shape) ? '' : ` is not ${NAMES[shape]}`;
  if ('list' in shape) return Array.isArray(value) ? listProblem(value, shape.list) : ' is not a list';
  if (!isRecord(value)) return ' is not an object';
  return 'map' in shape ? mapProblem(value, shape.map) : fieldProblem(value, shape);
}

function listProblem(list: readonly unknown[], shape: Shape): string {
  for (let index = 0; index < list.length; index++) {
    const found = problem(list[index], shape);
    if (found !== '') return `[${index}]${found}`;
  }
  return '';
}

function mapProblem(map: Readonly<Record<string, unknown>>, shape: Shape): string {
  for (const key in map) {
    const found = problem(map[key], shape);
    if (found !== '') return `[${key.slice(0, 80)}]${found}`;
  }
  return '';
}

function fieldProblem(object: Readonly<Record<string, unknown>>, { fields, required = [] }: Fields): string {
  for (const key of required) if (object[key] === undefined) return `.${key} is missing`;
  // What came out of JSON.parse inherits no enumerable key, and Object.keys would make a list for every object of the pod.
  for (const key in object) {
    const shape = Object.hasOwn(fields, key) ? fields[key] : undefined;
    const found = shape === undefined ? '' : problem(object[key], shape);
    if (found !== '') return `.${key}${found}`;
  }
  return '';
}

const NAMES = {
  string: 'text',
  amount: 'text or a number',
  number: 'a number',
  boolean: 'true or false',
  object: 'an object',
} as const;

function isScalar(value: unknown, shape: keyof typeof NAMES): boolean {
  if (shape === 'object') return isRecord(value);
  if (shape === 'amount') return typeof value === 'string' || Number.isFinite(value);
  return shape === 'number' ? Number.isSafeInteger(value) : typeof value === shape;
}
