import { unpackColumn } from '../columns-code.ts';
import type { PageData } from '../page-data.ts';

/** The data of the page, and its columns as they are asked for. */
export class Page {
  readonly data: PageData;
  readonly #columns = new Map<number, number[]>();

  /** `text` is the JSON that the page carries. */
  constructor(text: string) {
    this.data = JSON.parse(text) as PageData;
  }

  /** A column by its place; unpacked once, shared by all who ask. */
  column(place: number): readonly number[] {
    let values = this.#columns.get(place);
    if (values === undefined) {
      values = unpackColumn(this.data.columns[place]);
      this.#columns.set(place, values);
    }
    return values;
  }
}
