import { choiceOption, defineOptions, durationOption, integerOption, textOption } from '../runtime/config.ts';
import { LOG_LEVELS } from '../runtime/log.ts';

const port = { min: 0, max: 65535 };

/** Options of the webhook process. */
export const WEBHOOK_OPTIONS = defineOptions({
  program: 'podvisor-webhook',
  summary: 'admission of VM pods',
  options: {
    launcherImage: textOption({ doc: 'Image that runs guests; takes the place of the guest container’s image.' }),
    multusNamespace: textOption({
      doc: 'Where Multus looks for default networks that name no namespace.',
      default: 'kube-system',
    }),
    namespace: textOption({ doc: 'Namespace of the Service and the certificate Secret.', default: 'podvisor-system' }),
    podName: textOption({ doc: 'Name of this pod, for the Events it writes.', default: 'podvisor-webhook' }),
    serviceName: textOption({ doc: 'Service in front of all replicas.', default: 'podvisor-webhook' }),
    servicePort: integerOption({ doc: 'Port of that Service.', default: 443, min: 1, max: 65535 }),
    port: integerOption({ doc: 'Port to serve admission on (HTTPS).', default: 8443, ...port }),
    healthPort: integerOption({ doc: 'Port of /healthz, /readyz, /metrics and /version (plain HTTP).', default: 8080, ...port }),
    authorityLifetime: durationOption({ doc: 'How long a certificate authority lives.', default: '8760h' }),
    certificateLifetime: durationOption({ doc: 'How long a serving certificate lives.', default: '720h' }),
    authoritySettle: durationOption({ doc: 'How long a new authority is only trusted before it signs.', default: '1h' }),
    certificates: choiceOption(['own', 'external'], {
      doc: 'Who writes the certificate Secret: we ourselves, or somebody else, such as cert-manager.',
      default: 'own',
    }),
    clientCa: textOption({
      doc: 'File of the authorities (PEM) that callers’ certificates must come from; anybody may call when empty.',
      default: '',
    }),
    clientNames: textOption({
      doc: 'Common names that callers’ certificates may have, separated by commas; any when empty. Only with --client-ca.',
      default: '',
    }),
    drain: durationOption({ doc: 'Time between "not ready" and the end, for Services to stop sending.', default: '5s' }),
    logLevel: choiceOption(LOG_LEVELS, { doc: 'Least important level to log.', default: 'info' }),
    kubeconfig: textOption({ doc: 'Kubeconfig to use outside a cluster; the service account when empty.', default: '' }),
  },
});
