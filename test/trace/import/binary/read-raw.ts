import { expect } from 'vitest';
import { EventFormats, parseEventFormat } from '../../../../src/trace/import/binary/event-formats.ts';
import type { SymbolAt } from '../../../../src/trace/import/binary/payload-plan.ts';
import { RawPayloads } from '../../../../src/trace/import/binary/raw-payload.ts';
import type { Payload } from '../../../../src/trace/import/payload.ts';
import { payloadOf, QuickRequest } from '../../../../src/trace/import/quick-request.ts';
import { type EventPlan, formatFile, type Machine, rawEvent, type Value } from './raw-events.ts';

/** The formats of these events, by way of the kernel's text. */
export function formatsOf(plans: readonly EventPlan[], machine: Machine): EventFormats {
  const formats = new EventFormats();
  for (const plan of plans) {
    const format = parseEventFormat(formatFile(plan, machine), plan.system);
    if (format === null) throw new Error(`no format: ${plan.name}`);
    formats.add(format);
  }
  return formats;
}

export function readerOf(plan: EventPlan, machine: Machine, symbolAt: SymbolAt = () => null): RawPayloads {
  return new RawPayloads(formatsOf([plan], machine), machine.bigEndian, machine.longSize, symbolAt);
}

/** The payload of one event; a text when it is unreadable. */
export function readRaw(
  plan: EventPlan,
  machine: Machine,
  values: Readonly<Record<string, Value>>,
  symbolAt?: SymbolAt,
): Payload | string | null {
  // Bytes around it must not matter.
  const raw = Buffer.concat([
    Buffer.alloc(3, 0xee),
    rawEvent(plan, machine, values, { pid: 42 }),
    Buffer.alloc(3, 0xee),
  ]);
  const reader = readerOf(plan, machine, symbolAt);
  const event = reader.read(raw, 3, raw.length - 3);
  if (event === null) throw new Error('too short');
  const request = new QuickRequest();
  if (reader.fill(raw, 3, raw.length - 3, request)) {
    expect(payloadOf(request)).toEqual(event.payload);
    expect([reader.pid, reader.level]).toEqual([event.pid, event.level]);
  }
  return event.unreadable ?? event.payload;
}
