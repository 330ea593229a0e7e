import { z } from 'zod';

/**
 * A backup is one file: lines of JSON, compressed by gzip. The header; then of each table a line that names it, and a line
 * for each of its rows, whose values are texts as Postgres writes and reads them; then the end, which has the digest
 * of all bytes before it. So a file that was cut or altered is known before anything is done with it.
 */
export const FORMAT = 'entrepot-backup';

/** Of the lines, not of the tables: those follow from the migrations that the header names. */
export const VERSION = 1;

const TableSchema = z.object({
  name: z.string(),
  columns: z.array(z.object({ name: z.string(), type: z.string() })).min(1),
});
export type Table = z.output<typeof TableSchema>;

export const HeaderSchema = z.object({
  format: z.literal(FORMAT),
  version: z.int(),
  madeAt: z.iso.datetime(),
  installation: z.uuid(),
  /** Names of the migrations that made the tables. */
  migrations: z.array(z.string()).min(1),
  /** In an order in which they can be filled: none before those that it refers to. */
  tables: z.array(TableSchema),
  /** The last value that each sequence gave; null for none yet. */
  sequences: z.array(z.object({ name: z.string(), value: z.string().nullable() })),
});
export type Header = z.output<typeof HeaderSchema>;

/** Names the table of the rows that follow. */
export const TableLineSchema = z.object({ table: z.string() });

export const EndSchema = z.object({ rows: z.int(), sha256: z.string() });

export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
