// Made by `npm run generate` from manifests/base/admission-policy.yaml and manifests/base/controllers-policy.yaml. Do not edit.
import type { KeptObject } from '../next-restore-action.ts';

/** The ValidatingAdmissionPolicies and their bindings, as installed. */
export const POLICIES: readonly KeptObject[] = [
  {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name: 'podvisor-vm-shape', labels: { 'app.kubernetes.io/name': 'podvisor' } },
    spec: {
      failurePolicy: 'Fail',
      matchConstraints: {
        matchPolicy: 'Equivalent',
        resourceRules: [
          { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['pods'], scope: 'Namespaced' },
        ],
      },
      matchConditions: [
        {
          name: 'label-comes-or-goes',
          expression:
            "(has(object.metadata.labels) && 'podvisor.dev/vm' in object.metadata.labels) != (request.operation == 'UPDATE' && has(oldObject.metadata.labels) && 'podvisor.dev/vm' in oldObject.metadata.labels)",
        },
      ],
      validations: [
        {
          expression: "request.operation == 'CREATE'",
          messageExpression:
            "has(object.metadata.labels) && 'podvisor.dev/vm' in object.metadata.labels ? 'metadata.labels[podvisor.dev/vm]: a plain pod cannot become a VM after it was created; delete it and create it with the label' : 'metadata.labels[podvisor.dev/vm]: a VM pod keeps its label (\"true\") as long as it exists; delete the pod instead'",
          reason: 'Forbidden',
        },
        {
          expression: "request.operation != 'CREATE' || variables.missing.size() == 0",
          messageExpression:
            "'Podvisor has not turned this pod into a VM, so it is refused rather than run as a plain container (missing: ' + variables.missing.join(', ') + '). ' + (request.namespace in ['kube-system', 'podvisor-system', 'podvisor-agent'] ? 'Podvisor does not serve namespace ' + request.namespace + ': use another one.' : 'Check that Podvisor runs: kubectl get pods -n podvisor-system; then create the pod again. To run a plain pod, remove the label podvisor.dev/vm.')",
          reason: 'Forbidden',
        },
      ],
      variables: [
        {
          name: 'launchers',
          expression:
            "object.spec.containers.filter(c, has(c.command) && c.command.size() > 0 && c.command[0] == '/usr/bin/podvisor-launch')",
        },
        {
          name: 'bootVolume',
          expression: "has(object.spec.volumes) && object.spec.volumes.exists(v, v.name == 'podvisor-boot' && has(v.image))",
        },
        {
          name: 'missing',
          expression:
            "(object.metadata.labels['podvisor.dev/vm'] == 'true' ? [] : ['label podvisor.dev/vm with value \"true\"']) + (has(object.metadata.annotations) && 'podvisor.dev/guest' in object.metadata.annotations ? [] : ['annotation podvisor.dev/guest']) + (has(object.spec.readinessGates) && object.spec.readinessGates.exists(g, g.conditionType == 'podvisor.dev/guest-ready') ? [] : ['readiness gate podvisor.dev/guest-ready']) + (variables.bootVolume ? [] : ['image volume podvisor-boot']) + (variables.launchers.size() == 1 ? [] : ['one container that runs /usr/bin/podvisor-launch']) + (variables.launchers.all(c, has(c.resources) && has(c.resources.limits) && ('podvisor.dev/kvm' in c.resources.limits || 'podvisor.dev/tcg' in c.resources.limits)) ? [] : ['its VM slot (podvisor.dev/kvm or tcg)']) + (variables.launchers.all(c, has(c.volumeMounts) && c.volumeMounts.exists(m, m.name == 'podvisor-boot' && m.mountPath == '/podvisor/boot')) ? [] : ['its mount of podvisor-boot']) + (variables.launchers.all(c, has(c.securityContext) && has(c.securityContext.capabilities) && has(c.securityContext.capabilities.drop) && c.securityContext.capabilities.drop.exists(d, d == 'ALL') && !has(c.securityContext.capabilities.add) && has(c.securityContext.allowPrivilegeEscalation) && !c.securityContext.allowPrivilegeEscalation && has(c.securityContext.runAsNonRoot) && c.securityContext.runAsNonRoot) ? [] : ['its restricted security context'])",
        },
      ],
    },
  },
  {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata: { name: 'podvisor-vm-shape', labels: { 'app.kubernetes.io/name': 'podvisor' } },
    spec: { policyName: 'podvisor-vm-shape', validationActions: ['Deny'] },
  },
  {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name: 'podvisor-slots', labels: { 'app.kubernetes.io/name': 'podvisor' } },
    spec: {
      failurePolicy: 'Fail',
      matchConstraints: {
        matchPolicy: 'Equivalent',
        resourceRules: [
          { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'], scope: 'Namespaced' },
        ],
      },
      matchConditions: [
        { name: 'plain-pod', expression: "!has(object.metadata.labels) || !('podvisor.dev/vm' in object.metadata.labels)" },
      ],
      variables: [
        {
          name: 'containers',
          expression: 'object.spec.containers + (has(object.spec.initContainers) ? object.spec.initContainers : [])',
        },
        {
          name: 'askers',
          expression:
            "variables.containers.filter(c, has(c.resources) && has(c.resources.limits) && c.resources.limits.exists(name, name.startsWith('podvisor.dev/')))",
        },
      ],
      validations: [
        {
          expression: 'variables.askers.size() == 0',
          messageExpression:
            "'podvisor.dev/* resources are VM slots, and this is a plain pod (container ' + variables.askers[0].name + '): remove the request, or label the pod podvisor.dev/vm: \"true\" to make it a VM (Podvisor then adds the request itself).'",
          reason: 'Forbidden',
        },
      ],
    },
  },
  {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata: { name: 'podvisor-slots', labels: { 'app.kubernetes.io/name': 'podvisor' } },
    spec: { policyName: 'podvisor-slots', validationActions: ['Deny'] },
  },
  {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name: 'podvisor-agent-own-node', labels: { 'app.kubernetes.io/name': 'podvisor' } },
    spec: {
      failurePolicy: 'Fail',
      matchConstraints: {
        matchPolicy: 'Equivalent',
        resourceRules: [
          {
            apiGroups: [''],
            apiVersions: ['v1'],
            operations: ['CREATE', 'UPDATE', 'DELETE'],
            resources: ['pods', 'pods/*'],
            scope: 'Namespaced',
          },
        ],
      },
      matchConditions: [
        { name: 'by-an-agent', expression: "request.userInfo.username == 'system:serviceaccount:podvisor-agent:podvisor-agent'" },
      ],
      variables: [
        {
          name: 'node',
          expression:
            "has(request.userInfo.extra) && 'authentication.kubernetes.io/node-name' in request.userInfo.extra && request.userInfo.extra['authentication.kubernetes.io/node-name'].size() == 1 ? request.userInfo.extra['authentication.kubernetes.io/node-name'][0] : ''",
        },
      ],
      validations: [
        {
          expression:
            "variables.node != '' && request.operation == 'UPDATE' && has(request.subResource) && request.subResource == 'status' && has(oldObject.spec.nodeName) && oldObject.spec.nodeName == variables.node",
          messageExpression:
            "'a Podvisor agent may only patch the status of pods on its own node (' + (variables.node == '' ? 'its token names no node' : variables.node) + ').'",
          reason: 'Forbidden',
        },
      ],
    },
  },
  {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata: { name: 'podvisor-agent-own-node', labels: { 'app.kubernetes.io/name': 'podvisor' } },
    spec: { policyName: 'podvisor-agent-own-node', validationActions: ['Deny'] },
  },
  {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name: 'podvisor-agent-own-report', labels: { 'app.kubernetes.io/name': 'podvisor' } },
    spec: {
      failurePolicy: 'Fail',
      matchConstraints: {
        matchPolicy: 'Equivalent',
        resourceRules: [
          {
            apiGroups: ['podvisor.dev'],
            apiVersions: ['*'],
            operations: ['CREATE', 'UPDATE', 'DELETE'],
            resources: ['nodereports', 'nodereports/*'],
            scope: 'Cluster',
          },
        ],
      },
      matchConditions: [
        { name: 'by-an-agent', expression: "request.userInfo.username == 'system:serviceaccount:podvisor-agent:podvisor-agent'" },
      ],
      variables: [
        {
          name: 'node',
          expression:
            "has(request.userInfo.extra) && 'authentication.kubernetes.io/node-name' in request.userInfo.extra && request.userInfo.extra['authentication.kubernetes.io/node-name'].size() == 1 ? request.userInfo.extra['authentication.kubernetes.io/node-name'][0] : ''",
        },
        {
          name: 'nodeUid',
          expression:
            "variables.node != '' && 'authentication.kubernetes.io/node-uid' in request.userInfo.extra && request.userInfo.extra['authentication.kubernetes.io/node-uid'].size() == 1 ? request.userInfo.extra['authentication.kubernetes.io/node-uid'][0] : ''",
        },
        {
          name: 'statusOnly',
          expression: "request.operation == 'UPDATE' && has(request.subResource) && request.subResource == 'status'",
        },
        {
          name: 'ownedByNode',
          expression:
            "request.operation == 'CREATE' && !has(object.metadata.finalizers) && has(object.metadata.ownerReferences) && object.metadata.ownerReferences.size() == 1 && object.metadata.ownerReferences.all(o, o.kind == 'Node' && o.apiVersion == 'v1' && o.name == variables.node && o.uid == variables.nodeUid)",
        },
      ],
      validations: [
        {
          expression:
            "variables.node != '' && request.operation != 'DELETE' && object.metadata.name == variables.node && (variables.statusOnly || variables.ownedByNode)",
          messageExpression:
            "'a Podvisor agent may only create the NodeReport of its own node, owned by that Node, and patch its status (' + (variables.node == '' ? 'its token names no node' : variables.node) + ').'",
          reason: 'Forbidden',
        },
      ],
    },
  },
  {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata: { name: 'podvisor-agent-own-report', labels: { 'app.kubernetes.io/name': 'podvisor' } },
    spec: { policyName: 'podvisor-agent-own-report', validationActions: ['Deny'] },
  },
  {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name: 'podvisor-controllers-own-condition', labels: { 'app.kubernetes.io/name': 'podvisor' } },
    spec: {
      failurePolicy: 'Fail',
      matchConstraints: {
        matchPolicy: 'Equivalent',
        resourceRules: [
          {
            apiGroups: [''],
            apiVersions: ['v1'],
            operations: ['CREATE', 'UPDATE', 'DELETE'],
            resources: ['pods', 'pods/*'],
            scope: 'Namespaced',
          },
        ],
      },
      matchConditions: [
        {
          name: 'by-the-controllers',
          expression: "request.userInfo.username == 'system:serviceaccount:podvisor-system:podvisor-controllers'",
        },
      ],
      variables: [
        {
          name: 'isStatusOfVm',
          expression:
            "request.operation == 'UPDATE' && has(request.subResource) && request.subResource == 'status' && has(oldObject.metadata.labels) && 'podvisor.dev/vm' in oldObject.metadata.labels",
        },
        { name: 'own', expression: "['podvisor.dev/mac-unique', 'podvisor.dev/refused']" },
        {
          name: 'keepsTheRest',
          expression:
            "(!has(oldObject.status.conditions) || oldObject.status.conditions.all(c, c.type in variables.own || (has(object.status.conditions) && object.status.conditions.exists(n, n == c)))) && (!has(object.status.conditions) || object.status.conditions.all(n, n.type in variables.own || (has(oldObject.status.conditions) && oldObject.status.conditions.exists(c, n == c)))) && (has(object.status.phase) ? object.status.phase : '') == (has(oldObject.status.phase) ? oldObject.status.phase : '') && (has(object.status.podIP) ? object.status.podIP : '') == (has(oldObject.status.podIP) ? oldObject.status.podIP : '') && (has(object.status.hostIP) ? object.status.hostIP : '') == (has(oldObject.status.hostIP) ? oldObject.status.hostIP : '')",
        },
      ],
      validations: [
        {
          expression: 'variables.isStatusOfVm && variables.keepsTheRest',
          message:
            "Podvisor's controllers may only patch conditions podvisor.dev/mac-unique and podvisor.dev/refused of VM pods.",
          reason: 'Forbidden',
        },
      ],
    },
  },
  {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata: { name: 'podvisor-controllers-own-condition', labels: { 'app.kubernetes.io/name': 'podvisor' } },
    spec: { policyName: 'podvisor-controllers-own-condition', validationActions: ['Deny'] },
  },
];
