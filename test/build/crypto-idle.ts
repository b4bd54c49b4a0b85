import { createHook } from 'node:async_hooks';

/** Work of Web Crypto on other threads, by async_hooks' names. Not RANDOMBYTESREQUEST: where that is synchronous it never ends. */
const CRYPTO = /^(KEYPAIRGEN|SIGN|VERIFY|HASH)REQUEST$/;
const pending = new Set<number>();

createHook({
  init: (id, type) => {
    if (CRYPTO.test(type)) pending.add(id);
  },
  after: (id) => {
    pending.delete(id);
  },
}).enable();

/** Settles when no key is being made and nothing signed: a fake clock does not wait for other threads, so tests do, between its steps. */
export async function cryptoIdle(): Promise<void> {
  for (let quiet = 0; quiet < 5; quiet = pending.size === 0 ? quiet + 1 : 0)
    await new Promise((resolve) => setImmediate(resolve));
}
