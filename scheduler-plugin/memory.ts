import type { RequestHandler } from 'express';

/**
 * Memory outside of V8's heap for so many bytes, to be given back by {@link giveBack}. Left to the garbage collector, what is in use when it runs stays
 * until all of the heap is collected, which is seldom: with 16 requests of 5,000 names under way that was 20 MiB.
 */
export function takeMemory(bytes: number): Buffer<ArrayBuffer> {
  return Buffer.allocUnsafeSlow(bytes);
}

/** Frees the memory now; whoever still has the buffer finds it empty. What a socket has yet to write must not be given back. */
export function giveBack({ buffer, byteLength }: Buffer): void {
  // A part of a larger piece may have others beside it (Node's pool).
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}

/** Reads the body of a request as a Buffer of memory of its own, where the request says how long it is; anything unusual is left to express.raw, which comes next. */
export function bodyReader(limitBytes: number): RequestHandler {
  return (request, _response, next) => {
    const length = Number(request.headers['content-length'] ?? 0);
    if (!(length > 0 && length <= limitBytes) || request.headers['content-encoding'] !== undefined) {
      next();
      return;
    }
    const body = takeMemory(length);
    let at = 0;
    request.on('data', (chunk: Buffer) => (at += chunk.copy(body, at)));
    request.on('end', () => {
      request.body = body;
      next();
    });
  };
}
