import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

// Without KUBECONFIG the local cluster is meant, as in `. .cluster/env`; so a test or benchmark may be started by itself.
const local = join(import.meta.dirname, '..', '..', '..', '.cluster');
if (process.env['KUBECONFIG'] === undefined && existsSync(join(local, 'kubeconfig'))) {
  process.env['KUBECONFIG'] = join(local, 'kubeconfig');
  process.env['PATH'] = `${join(local, 'bin')}${delimiter}${process.env['PATH'] ?? ''}`;
}
