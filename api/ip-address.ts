/** IP addresses as Go's net.ParseIP and net.ParseCIDR take them: no leading zeros, no zone. */

const MAX_BITS = { 4: 32, 6: 128 } as const;

/** 4 or 6, or 0 when the text is no IP address. */
export function ipFamily(text: string): 0 | 4 | 6 {
  if (isIpv4(text)) return 4;
  return isIpv6(text) ? 6 : 0;
}

/** Whether a text is an IP address, or one with a prefix length (`10.0.0.1/24`). */
export function isIpOrCidr(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const family = ipFamily(address);
  if (family === 0 || rest.length > 0) return false;
  return bits === undefined || (/^(0|[1-9]\d{0,2})$/.test(bits) && Number(bits) <= MAX_BITS[family]);
}

function isIpv4(text: string): boolean {
  const parts = text.split('.');
  return parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
}

function isIpv6(text: string): boolean {
  // An IPv4 address may stand for the last two groups.
  const tail = /^(.*:)([\d.]*\.[\d.]*)$/.exec(text);
  if (tail !== null) return isIpv4(tail[2] ?? '') && isIpv6(`${tail[1] ?? ''}0:0`);
  const halves = text.split('::');
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')));
  if (!groups.flat().every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return false;
  const count = groups.flat().length;
  return halves.length === 1 ? count === 8 : halves.length === 2 && count < 8;
}
