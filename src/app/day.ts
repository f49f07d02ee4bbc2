/** Days of the calendar, which `Date` does not insist on: it takes the 31st of February for the 3rd of March. */

/** Whether text is a day that exists, as in `2026-01-31`. */
export function isDay(text: string): boolean {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) return false;
  const date = new Date(`${text}T00:00:00.000Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
}
