import { type Address, addressOf, isHex64, parseAddress } from '../base/u64.ts';
import { mustBe } from './options.ts';

/** An address as callers like to write it: a bigint, an integer below 2^53, or hex digits after `0x`. */
export type AddressLike = bigint | number | string;

const TOP = (1n << 64n) - 1n;

/** Splits an address into halves. Throws PgtraceError (exit code 2) for anything that is no 64-bit address. */
export function toAddress(name: string, value: AddressLike): Address {
  if (typeof value === 'bigint' && value >= 0n && value <= TOP) {
    return { hi: Number(value >> 32n), lo: Number(value & 0xffffffffn) };
  }
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return addressOf(value);
  const parsed = typeof value === 'string' && isHex64(value) ? parseAddress(value) : null;
  if (parsed === null) {
    throw mustBe(name, value, 'a bigint below 2^64, an integer below 2^53 or a text such as "0x1000"');
  }
  return parsed;
}

/** Joins halves into a bigint. */
export function fromHalves(hi: number, lo: number): bigint {
  return (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
}

/** A size in bytes. Throws PgtraceError for anything but an integer in [0, 2^53). */
export function toBytes(name: string, value: number | bigint): number {
  return toNatural(name, value, 'bytes');
}

/** A number of pages. Throws PgtraceError for anything but an integer in [0, 2^53). */
export function toCount(name: string, value: number | bigint): number {
  return toNatural(name, value, 'a number of pages');
}

function toNatural(name: string, value: number | bigint, what: string): number {
  const number = typeof value === 'bigint' ? Number(value) : value;
  if (!Number.isSafeInteger(number) || number < 0) throw mustBe(name, value, `${what}, 0 or more and below 2^53`);
  return number;
}
