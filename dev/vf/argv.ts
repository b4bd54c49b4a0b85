// QEMU's command line, as the agent writes it, for a guest whose only card is a virtual function: dev/vf/argv.ts ADDRESS
import { qemuArgv } from '../../guest/qemu-argv.ts';
import { guestSpec } from '../../test/build/guest.ts';

const [, , address = ''] = process.argv;
const guest = guestSpec({
  memoryBytes: 192 * 1024 * 1024,
  boot: { mode: 'kernel', image: 'localhost/podvisor/guest:dev', pullPolicy: 'IfNotPresent' },
  networks: [{ name: 'team/fast', interface: 'net1', binding: 'sriov', mac: '02:00:00:00:00:01', resource: 'example.com/vf' }],
});
process.stdout.write(qemuArgv(guest, { accelerator: 'tcg', vhostNet: false, nics: [{ address }] }).join('\n') + '\n');
