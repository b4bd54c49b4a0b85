import { deflateRawSync, inflateRawSync } from 'node:zlib';

/** A text made small; {@link unpacked} is the way back. */
export interface PackedText {
  /** Raw deflate (RFC 1951), a byte a character: a string costs 16 bytes more than its bytes, a Buffer a hundred. */
  readonly bytes: string;
  /** What the bytes refer to. */
  readonly base: Uint8Array;
}

/** Makes texts small that resemble each other. */
export type Packer = (text: string) => PackedText;

/** Deflate looks back this far (RFC 1951, 2). */
const WINDOW_BYTES = 32_768;
/** Of zlib's buffers for a result, which are 16 KiB otherwise, garbage after each text. */
const PACKED_CHUNK = 1024;
const TEXT_CHUNK = 4096;

/**
 * A packer whose first text is what all others are compared with: VM pods come from one admission, so they are mostly the same words. Equal
 * texts of one packer become equal bytes.
 */
export function createPacker(): Packer {
  let base: Uint8Array | undefined;
  return (text) => {
    base ??= Uint8Array.from(Buffer.from(text)).subarray(-WINDOW_BYTES);
    return { bytes: deflateRawSync(text, { dictionary: base, chunkSize: PACKED_CHUNK }).toString('latin1'), base };
  };
}

/** The text again. */
export function unpacked({ bytes, base }: PackedText): string {
  return inflateRawSync(Buffer.from(bytes, 'latin1'), { dictionary: base, chunkSize: TEXT_CHUNK }).toString();
}

/** Whether both are the same text, if one packer made them. */
export function sameText(a: PackedText | undefined, b: PackedText | undefined): boolean {
  return a?.bytes === b?.bytes;
}
