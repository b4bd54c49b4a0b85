/** The two ends of the masquerade network, the same in every pod: nothing outside ever sees them. */
export const GUEST_ADDRESS = '10.0.2.2';
export const BRIDGE_ADDRESS = '10.0.2.1';
export const NETMASK = '255.255.255.0';
