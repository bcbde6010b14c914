import { exactSize } from '../../base/sizes.ts';
import type { TextOutput } from '../../base/text-output.ts';
import { hex64, hex64Padded, hexNumber } from '../../base/u64.ts';
import { decodeDescriptor, descriptorText, leafText, protLetters } from '../../lpae/format/decode-descriptor.ts';
import { explainDescriptor } from '../../lpae/format/explain-descriptor.ts';
import type { PageTable } from '../../lpae/page-table.ts';
import type { AddressSpace } from '../../replay/spaces/address-space.ts';
import { absence, jsonLine, nameOf, shownTable, spaceHeader, spaceLine } from './spaces.ts';
import { type RootRegister, rootRegister, type Translation, type TranslationStep, translate } from './translate.ts';
import type { DumpRequest, DumpView } from './view.ts';

/**
 * The way of one IOVA through the tables: the register, each level's entry, then the physical address or the fault.
 * Of several address spaces, those that do not map it get one line.
 */
export const walkView: DumpView = { text, json };

const PTE_DIGITS = 16;

function text(spaces: readonly AddressSpace[], request: DumpRequest, output: TextOutput): void {
  const { ink } = request;
  let previous: 'none' | 'line' | 'walk' = 'none';
  /** Blank lines set walks apart, not lines. */
  const begin = (kind: 'line' | 'walk', line: string): void => {
    output.write(`${previous === 'walk' || (previous === 'line' && kind === 'walk') ? '\n' : ''}${line}`);
    previous = kind;
  };
  for (const space of spaces) {
    const table = shownTable(space);
    if (table === null) {
      begin('line', spaceHeader(space, request));
      continue;
    }
    const translation = translationOf(table, request);
    if (spaces.length > 1 && translation.end !== 'mapped' && translation.violation === null) {
      begin('line', `${ink.bold(`domain ${nameOf(space)}`)}  ${missText(translation)}\n`);
      continue;
    }
    begin('walk', spaceHeader(space, request));
    walkText(table, translation, request, output);
  }
}

function walkText(table: PageTable, translation: Translation, request: DumpRequest, output: TextOutput): void {
  const { ink } = request;
  output.write(`walk of ${hex64(translation.iovaHi, translation.iovaLo)}\n`);
  stepsText(table, translation, request, output);
  if (translation.alias !== null) output.write(`${ink.yellow(aliasText(table, translation))}\n`);
  if (translation.violation !== null) output.write(`${ink.red(`VIOLATION: ${translation.violation}`)}\n`);
  else if (translation.end === 'mapped') output.write(`${ink.green(mappedText(table, translation))}\n`);
  else output.write(`${ink.red(faultText(translation))}\n`);
}

function translationOf(table: PageTable, request: DumpRequest): Translation {
  const { iova } = request.filter;
  if (iova === null) throw new Error('a walk has an address; the command checks that');
  return translate(table, iova.startHi, iova.startLo);
}

function stepsText(table: PageTable, translation: Translation, request: DumpRequest, output: TextOutput): void {
  const { ink, explain } = request;
  const { steps } = translation;
  const root = rootRegister(table);
  output.write(registerText(root));
  const digits = Math.max(...steps.map((step) => hexNumber(step.entryAddress).length - 2));
  const index = Math.max(3, ...steps.map((step) => String(step.index).length));
  const titles = [
    'lv',
    'idx'.padStart(index),
    'entry at'.padEnd(digits + 2),
    'entry'.padEnd(PTE_DIGITS + 2),
    'decoded',
  ];
  output.write(`  ${ink.dim(titles.join('  '))}\n`);
  for (const step of steps) {
    const cells = [
      `L${step.level}`,
      String(step.index).padStart(index),
      `0x${hexNumber(step.entryAddress).slice(2).padStart(digits, '0')}`,
      hex64Padded(step.pteHi, step.pteLo, PTE_DIGITS),
      descriptorText(decodeDescriptor(table, step.level, step.pteHi, step.pteLo)),
    ];
    output.write(`  ${cells.join('  ')}\n`);
    if (explain) output.write(explainText(table, step));
  }
}

function registerText({ name, value, controls }: RootRegister): string {
  const lines = [[name, value] as const, ...controls].map(([register, content]) => {
    const text =
      typeof content === 'string'
        ? content
        : Object.entries(content)
            .map(([field, number]) => `${field} ${number}`)
            .join(', ');
    return `  ${register.padEnd(name.length)}  ${text}\n`;
  });
  return lines.join('');
}

/** One line per field, its bits, name, value and meaning aligned. */
function explainText(table: PageTable, step: TranslationStep): string {
  const fields = explainDescriptor(table, step.level, step.pteHi, step.pteLo);
  const names = Math.max(...fields.map((field) => field.name.length));
  const values = Math.max(...fields.map((field) => String(field.value).length));
  return fields
    .map(
      (field) =>
        `        ${`[${field.bits}]`.padEnd(7)}  ${field.name.padEnd(names)}  ${String(field.value).padStart(values)}  ${field.text}\n`,
    )
    .join('');
}

function mappedText(table: PageTable, translation: Translation): string {
  const { paddrHi, paddrLo, steps } = translation;
  const step = steps[steps.length - 1];
  const leaf = decodeDescriptor(table, step.level, step.pteHi, step.pteLo);
  return `=> ${hex64(paddrHi, paddrLo)}  ${exactSize(table.sizes[step.level])} ${leaf.kind}  ${leafText(leaf)}`;
}

function faultText({ end, steps, ...rest }: Translation): string {
  const step = steps[steps.length - 1];
  const what = end === 'empty' ? 'empty' : 'neither table nor leaf';
  const entry = `entry ${step.index} of table ${hexNumber(step.table)} is ${what}`;
  return `=> fault at level ${step.level}: ${entry}\n   nothing is mapped in ${holeText(rest)}`;
}

function missText(translation: Translation): string {
  const { iovaHi, iovaLo, steps } = translation;
  const { level } = steps[steps.length - 1];
  return `${hex64(iovaHi, iovaLo)} faults at level ${level}: nothing in ${holeText(translation)}`;
}

/** Start and size, as `--iova` takes them; the end of the upper half would wrap to 0. */
function holeText({ holeHi, holeLo, holeBytes }: Pick<Translation, 'holeHi' | 'holeLo' | 'holeBytes'>): string {
  return `${hex64(holeHi, holeLo)}+${exactSize(holeBytes)}`;
}

/** Of an address outside the table: what hardware does and what the kernel answers. */
function aliasText(table: PageTable, { alias, violation }: Translation): string {
  const bits = table.iovaWantHi === 0 && table.iovaWantLo === 0 ? 'zeros' : 'ones';
  const outside = `outside the table, hardware faults: bits above ias ${table.config.ias} are not all ${bits}`;
  if (alias === null || violation !== null) return outside;
  return `${outside}\nthe kernel's look-up ignores them and answers for ${hex64(alias.hi, alias.lo)}`;
}

function json(spaces: readonly AddressSpace[], request: DumpRequest, output: TextOutput): void {
  for (const space of spaces) {
    const domain = space.id;
    const table = shownTable(space);
    output.write(spaceLine(space));
    if (table === null) {
      output.write(jsonLine({ kind: 'result', domain, found: false, reason: absence(space) }));
      continue;
    }
    const translation = translationOf(table, request);
    if (spaces.length === 1 || translation.end === 'mapped' || translation.violation !== null) {
      const root = rootRegister(table);
      const controls = Object.fromEntries(
        root.controls.map(([register, content]) => [register.toLowerCase(), content]),
      );
      output.write(jsonLine({ kind: 'root', domain, register: root.name, value: root.value, ...controls }));
      for (const step of translation.steps) output.write(stepLine(domain, table, step, request.explain));
    }
    output.write(resultLine(domain, table, translation));
  }
}

function stepLine(domain: string, table: PageTable, step: TranslationStep, explain: boolean): string {
  const { level, pteHi, pteLo } = step;
  const {
    kind: type,
    addressHi,
    addressLo,
    prot,
    share,
    attrIndex,
    flags,
  } = decodeDescriptor(table, level, pteHi, pteLo);
  const leaf = type === 'block' || type === 'page';
  const at = hex64(addressHi, addressLo);
  return jsonLine({
    kind: 'entry',
    domain,
    level,
    table: hexNumber(step.table),
    index: step.index,
    address: hexNumber(step.entryAddress),
    pte: hex64(pteHi, pteLo),
    type,
    ...(type === 'table' ? { next: at, flags } : {}),
    ...(leaf ? { paddr: at, prot: protLetters(prot), share, attrIndex, flags } : {}),
    ...(explain ? { fields: explainDescriptor(table, level, pteHi, pteLo) } : {}),
  });
}

function resultLine(domain: string, table: PageTable, translation: Translation): string {
  const { steps, end, violation, alias, iovaHi, iovaLo } = translation;
  const { level } = steps[steps.length - 1];
  const found = end === 'mapped' && violation === null;
  return jsonLine({
    kind: 'result',
    domain,
    iova: hex64(iovaHi, iovaLo),
    found,
    ...(found
      ? { paddr: hex64(translation.paddrHi, translation.paddrLo), level, pageSize: table.sizes[level] }
      : { faultLevel: level }),
    ...(end === 'mapped'
      ? {}
      : { hole: { iova: hex64(translation.holeHi, translation.holeLo), size: translation.holeBytes } }),
    ...(alias === null || violation !== null ? {} : { aliasOf: hex64(alias.hi, alias.lo) }),
    ...(violation === null ? {} : { undefined: true, violation }),
  });
}
