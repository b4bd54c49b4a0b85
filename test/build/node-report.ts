import type { NodeReportStatus } from '../../api/node-report.ts';

/** The report of a small machine with one zone, two CPUs, 8 GiB, 1024 huge pages and nothing running. */
export function reportStatus(change: Partial<NodeReportStatus> = {}): NodeReportStatus {
  return {
    observedTime: '2026-01-02T03:04:05Z',
    accelerator: 'tcg',
    qemuVersion: '10.0.2',
    machines: ['pc-q35-10.0'],
    cpu: { vendor: 'GenuineIntel', models: ['qemu64-v1'], features: ['avx2'] },
    zones: [
      {
        id: 0,
        cpus: 2,
        memory: { totalBytes: 8 * 2 ** 30, freeBytes: 4 * 2 ** 30 },
        hugepages: { '2Mi': { total: 1024, free: 1024 } },
        distances: [10],
      },
    ],
    functions: [],
    vms: [],
    ...change,
  };
}
