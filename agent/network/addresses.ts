/** The two ends of the masquerade network, the same in every pod: nothing outside ever sees them. */
export const GUEST_ADDRESS = '10.0.2.2';
export const BRIDGE_ADDRESS = '10.0.2.1';
export const NETMASK = '255.255.255.0';
/** The pod's side of a bridge whose guest owns the pod's address: IPv4's dummy address (RFC 7600), which nobody routes. */
export const POD_SIDE_ADDRESS = '192.0.0.8';
