/**
 * Formats of JSON Schema as regular expressions for the whole string. The library has some of its own, which let through
 * what they are not (`2025-02-31`, `..@a`), or end the string that they stand in. A format that is not here holds nothing
 * back.
 */
const HEX = "[0-9A-Fa-f]";
/** RFC 1123, where it has at most 63 characters: to count them, a grammar would have as many states. */
const LABEL = "[A-Za-z0-9]+(?:-+[A-Za-z0-9]+)*";
const BYTE = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
const IPV4 = `(?:${BYTE}\\.){3}${BYTE}`;
/** RFC 6901. */
const POINTER = "(?:/(?:[^~/]|~[01])*)*";

/** RFC 3339, with the days that a month has. */
const LEAP_YEAR = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00|0000)";
const DAY = "(?:0[1-9]|1[0-9]|2[0-8])";
const DATE = `(?:${LEAP_YEAR}-02-29|[0-9]{4}-(?:(?:0[1-9]|1[0-2])-${DAY}|(?:0[13-9]|1[0-2])-(?:29|30)|` +
  "(?:0[13578]|1[02])-31))";
/** A leap second comes at one hour of UTC only, so it is left out. */
const HOUR = "(?:[01][0-9]|2[0-3])";
const TIME = `${HOUR}:[0-5][0-9]:[0-5][0-9](?:\\.[0-9]+)?(?:Z|[+\\-]${HOUR}:[0-5][0-9])`;
/** RFC 3339, appendix A: units follow each other without a gap. */
const DURATION = (() => {
  const units = (letters: string): string =>
    letters.length === 1 ? `[0-9]+${letters}` : `[0-9]+${letters[0]}(?:${units(letters.slice(1))})?`;
  const from = (letters: string) => [...letters].map((_, at) => units(letters.slice(at))).join("|");
  const time = `T(?:${from("HMS")})`;
  return `P(?:[0-9]+W|(?:${from("YMD")})(?:${time})?|${time})`;
})();

/** RFC 4291, section 2.2, with an IPv4 address at its end or not. */
const IPV6 = (() => {
  const group = `${HEX}{1,4}`;
  const last = `(?:${group}:${group}|${IPV4})`;
  const upTo = (count: number) => count === 0 ? "" : `(?:(?:${group}:){0,${count - 1}}${group})?`;
  const behindGap = [5, 4, 3, 2, 1, 0].map((count, before) =>
    `${upTo(before)}::(?:${group}:){${count}}${last}`
  );
  return `(?:(?:${group}:){6}${last}|${behindGap.join("|")}|${upTo(6)}::${group}|${upTo(7)}::)`;
})();

/** RFC 3986, without hosts that are IPv6 addresses, which are written between brackets, and paths that are empty. */
const UNRESERVED = "A-Za-z0-9\\-._~";
const DELIMITERS = "!$&'()*+,;=";
const OCTET = `%${HEX}{2}`;
const PCHAR = `(?:[${UNRESERVED}${DELIMITERS}:@]|${OCTET})`;
const AUTHORITY = `(?:(?:[${UNRESERVED}${DELIMITERS}:]|${OCTET})*@)?` +
  `(?:[${UNRESERVED}${DELIMITERS}]|${OCTET})+(?::[0-9]*)?`;
const TAIL = `(?:\\?(?:${PCHAR}|[/?])*)?(?:#(?:${PCHAR}|[/?])*)?`;
const PATH = `(?:/${PCHAR}*)*`;
const ABSOLUTE = `//${AUTHORITY}${PATH}|/(?:${PCHAR}+${PATH})?`;
const URI = `[A-Za-z][A-Za-z0-9+\\-.]*:(?:${ABSOLUTE}|${PCHAR}+${PATH})${TAIL}`;
const RELATIVE = `(?:${ABSOLUTE}|(?:[${UNRESERVED}${DELIMITERS}@]|${OCTET})+${PATH})?${TAIL}`;

/** RFC 6570, in ASCII and without dots in names. */
const VARIABLE = `(?:\\w|${OCTET})+(?::[1-9][0-9]{0,3}|\\*)?`;
const TEMPLATE = `(?:[!#$&()*+,\\-./0-9:;=?@A-Z[\\]_a-z~]|${OCTET}|` +
  `\\{[+#./;?&]?${VARIABLE}(?:,${VARIABLE})*\\})*`;

export const STRING_FORMATS: ReadonlyMap<string, string> = new Map([
  ["date", DATE],
  ["time", TIME],
  ["date-time", `${DATE}T${TIME}`],
  ["duration", DURATION],
  ["email", `[\\w!#$%&'*+/=?^\`{|}~-]+(?:\\.[\\w!#$%&'*+/=?^\`{|}~-]+)*@(?:${LABEL}\\.)+${LABEL}`],
  ["hostname", `${LABEL}(?:\\.${LABEL})*`],
  ["ipv4", IPV4],
  ["ipv6", IPV6],
  ["uri", URI],
  ["uri-reference", `(?:${URI}|${RELATIVE})`],
  ["uri-template", TEMPLATE],
  ["uuid", `${HEX}{8}-${HEX}{4}-${HEX}{4}-${HEX}{4}-${HEX}{12}`],
  ["json-pointer", POINTER],
  ["relative-json-pointer", `(?:0|[1-9][0-9]*)(?:#|${POINTER})`],
]);
