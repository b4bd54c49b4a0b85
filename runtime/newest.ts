/** Sets the entry as the newest one, and forgets the oldest when the map then holds more than `most`. A Map alone leaves a key that is set again in its old place. */
export function keepNewest<K, V>(map: Map<K, V>, key: K, value: V, most: number): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= most) return;
  const oldest = map.keys().next();
  if (oldest.done !== true) map.delete(oldest.value);
}
