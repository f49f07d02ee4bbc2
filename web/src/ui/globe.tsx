/**
 * A sphere with the great circle between two points: what SLERP walks along. Orthographic, turned a little towards the
 * reader; everything is computed, so that a point can lie anywhere on the way.
 */
type Vector = readonly [number, number, number];

const TILT = 0.42;
const RADIUS = 96;
const A = onSphere(-0.95, 0.32);
const B = onSphere(0.85, 0.62);
const GRATICULE = graticule();

/** `marks` are places on the way, 0 to 1; `at` is the one that is spoken of. */
export function Globe({ marks, at, from, to }: {
  marks: readonly number[];
  at?: number | null;
  from: string;
  to: string;
}) {
  const [ax, ay] = project(A);
  const [bx, by] = project(B);
  return (
    <svg
      class="globe"
      viewBox="-130 -112 260 224"
      role="img"
      aria-label={`The great circle from ${from} to ${to}`}
    >
      <circle r={RADIUS} class="globe-disc" />
      <path d={GRATICULE} class="globe-lines" />
      <path d={path(0, 1)} class="globe-arc" />
      {marks.map((t, index) => {
        const [x, y] = project(slerp(t));
        return <circle key={index} cx={x} cy={y} r="2.4" class="globe-mark" />;
      })}
      <circle cx={ax} cy={ay} r="5" class="globe-end" />
      <circle cx={bx} cy={by} r="5" class="globe-end" />
      <text x={ax - 4} y={ay + 19} text-anchor="middle">{from}</text>
      <text x={bx + 6} y={by - 12} text-anchor="middle">{to}</text>
      {typeof at === "number" && (() => {
        const [x, y] = project(slerp(at));
        return <circle cx={x} cy={y} r="6.5" class="globe-at" />;
      })()}
    </svg>
  );
}

function onSphere(longitude: number, latitude: number): Vector {
  return [
    Math.cos(latitude) * Math.sin(longitude),
    Math.sin(latitude),
    Math.cos(latitude) * Math.cos(longitude),
  ];
}

/** Turned about the horizontal axis; y goes down, as in SVG. */
function project([x, y, z]: Vector): [number, number, number] {
  const up = y * Math.cos(TILT) - z * Math.sin(TILT);
  const near = y * Math.sin(TILT) + z * Math.cos(TILT);
  return [round(x * RADIUS), round(-up * RADIUS), near];
}

function slerp(t: number): Vector {
  const angle = Math.acos(A[0] * B[0] + A[1] * B[1] + A[2] * B[2]);
  const [a, b] = [Math.sin((1 - t) * angle) / Math.sin(angle), Math.sin(t * angle) / Math.sin(angle)];
  return [a * A[0] + b * B[0], a * A[1] + b * B[1], a * A[2] + b * B[2]];
}

function path(from: number, to: number): string {
  const points = Array.from({ length: 33 }, (_, index) => project(slerp(from + (to - from) * index / 32)));
  return `M${points.map(([x, y]) => `${x} ${y}`).join("L")}`;
}

/** Meridians and parallels on the near side. */
function graticule(): string {
  const lines: Vector[][] = [];
  const steps = Array.from({ length: 49 }, (_, index) => index / 48);
  for (let degree = -180; degree < 180; degree += 30) {
    lines.push(steps.map((s) => onSphere(degree * Math.PI / 180, (s - 0.5) * Math.PI)));
  }
  for (let degree = -60; degree <= 60; degree += 30) {
    lines.push(steps.map((s) => onSphere((s * 2 - 1) * Math.PI, degree * Math.PI / 180)));
  }
  return lines.map((line) => {
    let pen = "M";
    return line.map(project).map(([x, y, near]) => {
      if (near < 0) {
        pen = "M";
        return "";
      }
      const command = `${pen}${x} ${y}`;
      pen = "L";
      return command;
    }).join("");
  }).join("");
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
