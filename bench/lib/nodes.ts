/** Names as cloud providers give them: about 40 characters. */
export const nodeName = (index: number): string => `ip-10-0-${index >> 8}-${index & 255}.eu-central-1.compute.internal`;
