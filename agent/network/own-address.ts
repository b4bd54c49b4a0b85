import type { Link } from './facts.ts';

/**
 * What an interface had before the guest took its place. Kept in its alias, in the kernel, so that neither a restarted container nor a
 * restarted agent forgets it.
 */
export interface OwnAddress {
  readonly mac: string;
  /** Address with prefix length; '' = none. */
  readonly cidr: string;
  /** Default gateway; '' = none. */
  readonly gateway: string;
}

const PREFIX = 'podvisor:';

/** What the interface had of its own, now or before. */
export function ownAddress(link: Link, gateway = ''): OwnAddress {
  if (!link.alias.startsWith(PREFIX)) return { mac: link.mac, cidr: link.cidrs[0] ?? '', gateway };
  const [mac = '', cidr = '', kept = ''] = link.alias.slice(PREFIX.length).split('|');
  return { mac, cidr, gateway: kept };
}

/** The alias that keeps it, as an argument of `ip`. */
export function aliasOf({ mac, cidr, gateway }: OwnAddress): string {
  return PREFIX + (cidr === '' ? mac : [mac, cidr, gateway].join('|'));
}
