import { execFileSync } from 'node:child_process';
import { useBench } from './use-bench.ts';

// The self-test guest of the launcher image, under TCG. Needs root.
const LIMIT = 90_000;

const bench = useBench();

describe('kvm-selftest', () => {
  const run = (...args: string[]): { code: number; text: string } => {
    const script =
      'mount --make-rprivate / && mount -t tmpfs t "$0/dev" && mknod -m 666 "$0/dev/null" c 1 3 && mknod "$0/dev/urandom" c 1 9 && exec chroot "$0" kvm-selftest "$@"';
    try {
      return {
        code: 0,
        text: execFileSync('unshare', ['--mount', 'sh', '-c', script, bench.roots().launcher, ...args], { encoding: 'utf8' }),
      };
    } catch (error) {
      const failed = error as { status: number; stdout: string };
      return { code: failed.status, text: failed.stdout };
    }
  };

  test(
    'says that TCG is usable',
    () => {
      expect(run('--accel', 'tcg', '60')).toEqual({ code: 0, text: 'tcg is usable: the self-test guest booted.\n' });
    },
    LIMIT,
  );

  test(
    'says that KVM is not usable where there is no /dev/kvm, and why',
    () => {
      const answer = run('--accel', 'kvm', '10');
      expect(answer.code).toBe(1);
      expect(answer.text).toMatch(/^kvm is not usable: QEMU ended with code 1: .*Could not access KVM kernel module.*\n$/);
    },
    LIMIT,
  );

  test(
    'says that a guest which does not come up in time makes it unusable',
    () => {
      expect(run('--accel', 'tcg', '1')).toMatchObject({ code: 1, text: expect.stringContaining('did not boot within 1 s') });
    },
    LIMIT,
  );
});
