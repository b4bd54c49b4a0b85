/** Largest number Linux can give a CPU or a NUMA node (CONFIG_NR_CPUS is at most 8192); what is beyond is no list of the kernel's. */
const MOST = 8192;

/** The kernel's list format: `0-3,8,10-11` (Documentation/admin-guide/cputopology.rst); parts that are none are left out. */
export function parseList(text: string): readonly number[] {
  return text.split(',').flatMap((part) => {
    const match = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(part.trim());
    const first = Number(match?.[1]);
    const last = Math.min(Number(match?.[2] ?? match?.[1]), MOST - 1);
    return match === null || last < first ? [] : Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}
