/** `vendor_id` of /proc/cpuinfo, or its counterpart elsewhere (`CPU implementer` of ARM); '' = the kernel does not say. */
export function cpuVendor(cpuinfo: string): string {
  const match = /^(?:vendor_id|CPU implementer)\s*: (.+)$/m.exec(cpuinfo);
  return (match?.[1] ?? '').trim().slice(0, 63);
}
