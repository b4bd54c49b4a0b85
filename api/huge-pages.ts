/** Sizes of huge pages on x86-64 that a guest can ask for, in bytes, by the end of the resource's name (`hugepages-2Mi`). */
export const PAGE_BYTES = { '2Mi': 2 * 1024 * 1024, '1Gi': 1024 * 1024 * 1024 } as const;
export type PageSize = keyof typeof PAGE_BYTES;
export const PAGE_SIZES = Object.keys(PAGE_BYTES) as readonly PageSize[];
