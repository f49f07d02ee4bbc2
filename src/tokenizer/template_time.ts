/** `strftime_now` of chat templates: the time here and now by C's conversions, in English. */

const MONTHS = "January February March April May June July August September October November December".split(
  " ",
);
const DAYS = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday".split(" ");
const DAY_MS = 86_400_000;

const pad = (number: number, length = 2, filler = "0") => String(number).padStart(length, filler);

function dayOfYear(time: Date): number {
  const day = Date.UTC(time.getFullYear(), time.getMonth(), time.getDate());
  return Math.round((day - Date.UTC(time.getFullYear(), 0, 0)) / DAY_MS);
}

const CONVERSIONS: Readonly<Record<string, (time: Date) => string>> = {
  "%": () => "%",
  a: (time) => DAYS[time.getDay()]!.slice(0, 3),
  A: (time) => DAYS[time.getDay()]!,
  b: (time) => MONTHS[time.getMonth()]!.slice(0, 3),
  B: (time) => MONTHS[time.getMonth()]!,
  d: (time) => pad(time.getDate()),
  e: (time) => pad(time.getDate(), 2, " "),
  f: (time) => pad(time.getMilliseconds() * 1000, 6),
  H: (time) => pad(time.getHours()),
  I: (time) => pad(time.getHours() % 12 || 12),
  j: (time) => pad(dayOfYear(time), 3),
  m: (time) => pad(time.getMonth() + 1),
  M: (time) => pad(time.getMinutes()),
  n: () => "\n",
  p: (time) => time.getHours() < 12 ? "AM" : "PM",
  S: (time) => pad(time.getSeconds()),
  t: () => "\t",
  w: (time) => String(time.getDay()),
  y: (time) => pad(time.getFullYear() % 100),
  Y: (time) => String(time.getFullYear()),
  z: () => "",
  Z: () => "",
  c: (time) => strftime("%a %b %e %H:%M:%S %Y", time),
  D: (time) => strftime("%m/%d/%y", time),
  F: (time) => strftime("%Y-%m-%d", time),
  R: (time) => strftime("%H:%M", time),
  T: (time) => strftime("%H:%M:%S", time),
  x: (time) => strftime("%m/%d/%y", time),
  X: (time) => strftime("%H:%M:%S", time),
};

const MAX_FORMAT = 1000;

/** Conversions that are not known stay as they are; `%-d` leaves the filling out. */
export function strftime(format: string, time: Date): string {
  if (format.length > MAX_FORMAT) throw new Error(`it writes a time by more than ${MAX_FORMAT} characters`);
  return format.replace(/%(-?)([A-Za-z%])/g, (all, dash: string, kind: string) => {
    const converted = Object.hasOwn(CONVERSIONS, kind) ? CONVERSIONS[kind]!(time) : all;
    return dash === "" ? converted : converted.replace(/^[0 ]+(?=.)/, "");
  });
}
