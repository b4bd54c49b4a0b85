const FNV_OFFSET = 0xcbf29ce484222325n;
const FNV_PRIME = 0x100000001b3n;

/** FNV-1a over UTF-16 code units, 64 bits: small, stable for ever, spreads short names well. Not for secrets. */
export function fnv1a64(text: string): bigint {
  let hash = FNV_OFFSET;
  for (let index = 0; index < text.length; index += 1) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(text.charCodeAt(index))) * FNV_PRIME);
  }
  return hash;
}

/**
 * The MAC of a guest's NIC: the same for the same namespace, pod name and network, so that a pod made anew under its old name keeps its
 * address. Locally administered, unicast (02:…); the 64-bit hash is folded to the 40 bits left.
 */
export function deriveMac(namespace: string, podName: string, network: string): string {
  // A newline is in none of the three, so no two different triples make the same text.
  const hash = fnv1a64([namespace, podName, network].join('\n'));
  const folded = BigInt.asUintN(40, hash ^ (hash >> 40n));
  const octets = folded.toString(16).padStart(10, '0').match(/../g) ?? [];
  return ['02', ...octets].join(':');
}
