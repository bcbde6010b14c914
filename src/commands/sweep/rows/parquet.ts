import { rowColumns } from '../../../sweep/columns.ts';
import type { Row } from '../../../sweep/row.ts';

/** Rows as a Parquet file: the same bytes for the same rows. */
export async function parquetBytes(rows: readonly Row[]): Promise<Uint8Array> {
  const { parquetWriteBuffer } = await import('hyparquet-writer');
  const columnData = rowColumns(rows).map(({ name, type, values }) => ({
    name,
    type,
    nullable: true,
    data: type === 'INT64' ? values.map((value) => (value === null ? null : BigInt(value as number))) : [...values],
  }));
  return new Uint8Array(parquetWriteBuffer({ columnData, createdBy: 'pgtrace' }));
}
