/** Rows and bytes for people: `4,000 rows, 312 KB`. */
export function sizeText(rows: number, bytes: number): string {
  const kilobytes = bytes / 1_000;
  const [amount, unit] =
    kilobytes >= 1e6
      ? [kilobytes / 1e6, 'GB']
      : kilobytes >= 1e3
        ? [kilobytes / 1e3, 'MB']
        : [kilobytes, 'KB'];
  const short = amount >= 10 ? Math.round(amount) : Math.round(amount * 10) / 10;
  return `${Math.round(rows).toLocaleString('en-US')} rows, ${short} ${unit}`;
}
