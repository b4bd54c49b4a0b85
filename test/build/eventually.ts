/** Calls `check` until it returns something other than undefined/false; the last error or value is in the message on time-out. */
export async function eventually<T>(what: string, check: () => Promise<T | undefined | false>, timeoutMs = 60_000): Promise<T> {
  const end = Date.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const value = await check();
      if (value !== undefined && value !== false) return value;
      last = value;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) throw new Error(`not within ${timeoutMs / 1000} s: ${what} (last: ${String(last)})`);
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}
