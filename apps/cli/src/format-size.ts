const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'];

/** Bytes as Docker shows them: decimal units, three figures (`29.1 MB`). */
export function formatSize(bytes: number): string {
  let value = Math.max(0, bytes);
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? Math.round(value) : threeFigures(value)} ${UNITS[unit]}`;
}

export function formatRate(bytesPerSecond: number): string {
  return `${formatSize(bytesPerSecond)}/s`;
}

function threeFigures(value: number): string {
  if (value >= 99.95) return value.toFixed(0);
  return value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}

const SIZE = /^([0-9]{1,15}(?:\.[0-9]{1,6})?)\s*([kmgtp]?)(i?)b?$/i;

/** `100MB`, `1.5 GiB`, `4096`: whole bytes, or undefined where it is none of these. */
export function parseSize(text: string): number | undefined {
  const [, number, unit = '', binary] = SIZE.exec(text.trim()) ?? [];
  if (number === undefined || (binary && unit === '')) return undefined;
  const bytes = Math.round(Number(number) * (binary ? 1024 : 1000) ** ' kmgtp'.indexOf(unit.toLowerCase() || ' '));
  return Number.isSafeInteger(bytes) && bytes < 1e15 ? bytes : undefined;
}
