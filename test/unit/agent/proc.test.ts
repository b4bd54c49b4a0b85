import { cgroupFiles } from '../../../agent/network/apply.ts';
import { environmentOf, inPodCgroup, innerPid, originOf, parseMountInfo, startTimeOf } from '../../../agent/proc.ts';

const UID = '0a1b-2c3d';

test.each([
  ['cgroupfs, version 1', `4:memory:/kubepods/burstable/pod${UID}/abc\n`, true],
  [
    'systemd, version 2',
    '0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0a1b_2c3d.slice/cri-containerd-abc.scope\n',
    true,
  ],
  ['another pod', '4:memory:/kubepods/burstable/pod9999/abc\n', false],
])('a cgroup names its pod: %s', (_, cgroup, expected) => {
  expect(inPodCgroup(cgroup, UID)).toBe(expected);
});

test('the pid inside the innermost namespace', () => {
  expect(innerPid('Name:\tsh\nNSpid:\t4711\t12\t1\n')).toBe(1);
  expect(innerPid('NSpid:\t4711\n')).toBe(4711);
  expect(innerPid('')).toBe(0);
});

test('the environment of a process, whatever is in its values', () => {
  const expected = new Map([['A', '1'], ['B', 'x=y\nz'], ['C', '']]); // prettier-ignore
  expect(environmentOf('A=1\0B=x=y\nz\0C=\0overwritten\0')).toEqual(expected);
  expect(environmentOf('')).toEqual(new Map());
});

test('a process name cannot move the start time', () => {
  const fields = Array.from({ length: 25 }, (_, index) => String(index + 3));
  expect(startTimeOf(`42 (a) b (c) ${fields.join(' ')}`)).toBe('22');
});

test('a bind mount shows where its directory lies', () => {
  const mounts = parseMountInfo(
    ['1 0 8:1 / / rw - ext4 /dev/sda1 rw', '2 1 8:2 /pods/a\\040b /var/lib/podvisor rw - ext4 /dev/sdb rw', ''].join('\n'),
  );
  expect(originOf('/var/lib/podvisor/slots/tcg-1', mounts)).toEqual({ device: '8:2', root: '/pods/a b/slots/tcg-1' });
  expect(originOf('/var/lib/podvisor2/x', mounts)).toEqual({ device: '8:1', root: '/var/lib/podvisor2/x' });
  expect(originOf('/x', [])).toBeUndefined();
});

test('cgroup directories of every hierarchy that is mounted', () => {
  const text = '4:memory:/pod/a\n3:cpu,cpuacct:/pod/a\n2:name=systemd:/\n0::/pod/a\n';
  const there = ['/cg/memory/pod/a/cgroup.procs', '/cg/cpu,cpuacct/pod/a/cgroup.procs', '/cg/unified/pod/a/cgroup.procs'];
  expect(cgroupFiles(text, '/cg', (path) => there.includes(path))).toEqual(there);
  expect(cgroupFiles('0::/pod/a\n', '/cg', () => true)).toEqual(['/cg/pod/a/cgroup.procs']);
});
