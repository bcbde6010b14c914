import { expect } from 'vitest';

export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: XmlElement[];
  text: string;
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** Reads XML as far as JUnit needs it and throws at whatever is not well-formed; returns the root. */
export function parseXml(xml: string): XmlElement {
  const bad = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u.exec(xml);
  if (bad !== null) throw new Error(`no character of XML at ${bad.index}: ${JSON.stringify(bad[0])}`);
  const declaration = '<?xml version="1.0" encoding="UTF-8"?>\n';
  if (!xml.startsWith(declaration)) throw new Error('no declaration');
  const outside: XmlElement = { name: '', attributes: {}, children: [], text: '' };
  const open = [outside];
  let at = declaration.length;
  while (at < xml.length) {
    const top = open[open.length - 1];
    if (xml[at] !== '<') {
      const end = xml.indexOf('<', at);
      const text = xml.slice(at, end < 0 ? xml.length : end);
      if (text.includes(']]>')) throw new Error(`]]> at ${at}`);
      top.text += unescaped(text);
      at += text.length;
      continue;
    }
    const closing = /^<\/([a-z-]+)>/.exec(xml.slice(at, at + 100));
    if (closing !== null) {
      if (open.length === 1 || top.name !== closing[1]) throw new Error(`</${closing[1]}> closes <${top.name}>`);
      open.pop();
      at += closing[0].length;
      continue;
    }
    const end = xml.indexOf('>', at);
    const tag = /^<([a-z-]+)((?: [a-z]+="[^"<]*")*)(\/?)>$/.exec(xml.slice(at, end + 1));
    if (tag === null) throw new Error(`no tag: ${xml.slice(at, end + 1)}`);
    const attributes: Record<string, string> = {};
    for (const [, name, value] of tag[2].matchAll(/ ([a-z]+)="([^"]*)"/g)) {
      if (name in attributes) throw new Error(`${name} twice`);
      attributes[name] = unescaped(value);
    }
    const element: XmlElement = { name: tag[1], attributes, children: [], text: '' };
    top.children.push(element);
    if (tag[3] === '') open.push(element);
    at = end + 1;
  }
  if (open.length !== 1) throw new Error(`<${open[open.length - 1].name}> is not closed`);
  if (outside.children.length !== 1 || outside.text.trim() !== '') throw new Error('not one root');
  return outside.children[0];
}

function unescaped(text: string): string {
  return text.replace(/&(?:#(\d+)|([a-z]*))(;?)/g, (whole, number, name, end) => {
    const char = number === undefined ? ENTITIES[name] : String.fromCodePoint(Number(number));
    if (end !== ';' || char === undefined) throw new Error(`no reference: ${whole}`);
    return char;
  });
}

/** The test cases of a JUnit report whose counts are right. */
export function junitCases(xml: string): XmlElement[] {
  const root = parseXml(xml);
  expect(root.name).toBe('testsuites');
  const [suite] = root.children;
  expect(root.children).toHaveLength(1);
  const cases = suite.children.filter(({ name }) => name === 'testcase');
  const having = (kind: string): string =>
    String(cases.filter(({ children }) => children.some(({ name }) => name === kind)).length);
  for (const { attributes } of [root, suite]) {
    expect(attributes).toMatchObject({
      tests: String(cases.length),
      failures: having('failure'),
      errors: having('error'),
      skipped: '0',
    });
  }
  expect(having('skipped')).toBe('0');
  return cases;
}

const TAGS = /<(?:\/?(?:details|summary|code)|!-- pgtrace-(?:compare|replay) --)>/g;

/** Holds Markdown to what GitHub can show: whole tables, closed details, no HTML but the report's own. */
export function checkMarkdown(text: string, marker: string, limit: number): void {
  expect(text.startsWith(`${marker}\n`)).toBe(true);
  expect(text.endsWith('\n')).toBe(true);
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(limit);
  expect(text.length).toBeLessThanOrEqual(limit);
  let details = 0;
  let columns = 0;
  for (const line of text.split('\n')) {
    const bare = line.replace(TAGS, '');
    if (/[<>\u0000-\u001f]/.test(bare)) throw new Error(`HTML or a control character: ${JSON.stringify(line)}`);
    for (const [tag] of line.matchAll(/<\/?(?:details|code)>/g)) {
      if (tag === '<details>') details++;
      if (tag === '</details>') details--;
      if (details < 0 || details > 2) throw new Error(`details not in order: ${JSON.stringify(line)}`);
    }
    if ((line.match(/<code>/g) ?? []).length !== (line.match(/<\/code>/g) ?? []).length) {
      throw new Error(`code not closed: ${JSON.stringify(line)}`);
    }
    const bars = (line.match(/\|/g) ?? []).length;
    if (line.startsWith('|') !== bars > 0 || (bars > 0 && !line.endsWith('|'))) throw new Error(`half a row: ${line}`);
    if (columns > 0 && bars > 0 && bars !== columns) throw new Error(`${bars} bars, not ${columns}: ${line}`);
    columns = bars;
  }
  expect(details).toBe(0);
}

/** The commands of a log by their kind, each as what GitHub would read; everything else must be no command. */
export function workflowCommands(log: string): Record<'error' | 'warning' | 'notice', string[]> {
  const found = { error: [] as string[], warning: [] as string[], notice: [] as string[] };
  expect(log.endsWith('\n')).toBe(true);
  for (const line of log.slice(0, -1).split('\n')) {
    expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
    if (!line.trimStart().startsWith('::')) {
      expect(line).not.toContain('##[');
      continue;
    }
    const command =
      /^::(error|warning|notice) ((?:(?:file|line|title)=[^:,]*)(?:,(?:file|line|title)=[^:,]*)*)::(.*)$/.exec(line);
    if (command === null) throw new Error(`no command: ${line}`);
    const [, kind, properties, data] = command;
    expect(`${properties}${data}`.replace(/%(?:25|0A|0D|3A|2C)/g, '')).not.toContain('%');
    found[kind as 'error'].push(`${decoded(properties)}: ${decoded(data)}`);
  }
  for (const all of Object.values(found)) expect(all.length).toBeLessThanOrEqual(10);
  return found;
}

function decoded(text: string): string {
  return text.replace(/%(25|0A|0D|3A|2C)/g, (_, code) => String.fromCharCode(Number.parseInt(code, 16)));
}
