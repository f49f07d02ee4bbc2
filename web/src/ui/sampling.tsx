/** Every sampling parameter: its value, its bounds, and where the value comes from while nobody sets it. */
import { useState } from "preact/hooks";
import {
  labelOf,
  ordered,
  ORIGINS,
  type Parameter,
  parsed,
  rangeOf,
  type SamplingDraft,
  shown,
  sliderOf,
  written,
} from "../lib/parameters.ts";

export function SamplingFields({ parameters, draft, onChange, prefix }: {
  parameters: readonly Parameter[];
  draft: SamplingDraft;
  onChange: (draft: SamplingDraft) => void;
  prefix: string;
}) {
  const set = (name: string, value: unknown) => {
    const { [name as keyof SamplingDraft]: _, ...rest } = draft;
    onChange(value === undefined ? rest : { ...rest, [name]: value });
  };
  const all = ordered(parameters);
  const known = new Set(GROUPS.flatMap(([, names]) => names));
  const groups = GROUPS.map(([title, names]) =>
    [title, all.filter(({ name }) => names.includes(name))] as const
  );
  const rest = all.filter(({ name }) => !known.has(name));
  return (
    <div class="sampling">
      {[...groups, ["More", rest] as const].map(([title, members]) =>
        members.length > 0 && (
          <fieldset key={title}>
            <legend>{title}</legend>
            {members.map((parameter) => (
              <Field
                key={parameter.name}
                id={`${prefix}-${parameter.name}`}
                parameter={parameter}
                value={draft[parameter.name as keyof SamplingDraft]}
                onChange={(value) => set(parameter.name, value)}
              />
            ))}
          </fieldset>
        )
      )}
    </div>
  );
}

const GROUPS: readonly (readonly [string, readonly string[]])[] = [
  ["Choice of tokens", ["temperature", "topP", "topK", "minP", "typicalP", "seed"]],
  ["Repetition and bias", ["repetitionPenalty", "presencePenalty", "frequencyPenalty", "logitBias"]],
  ["Length and end", ["maxTokens", "minTokens", "stop", "stopTokenIds", "ignoreEos"]],
  ["Form and report", ["constraint", "logprobs"]],
];

/** Where a value comes from, at length. */
const SOURCES: Readonly<Record<string, string>> = {
  BUILT_IN: "Geodesic’s own value: neither the model nor an admin has set another",
  CHECKPOINT: "From generation_config.json of the checkpoint",
  GATEWAY: "Set by an admin for every model: Admin, Defaults",
  MODEL: "Set by an admin for this model: Admin, Defaults",
  REQUEST: "Set by the request",
};

/** Ranges as they are set in print. */
function printed(range: string): string {
  return range.replaceAll("18446744073709551615", "2⁶⁴ − 1").replace(
    /\d{5,}/g,
    (digits) => Number(digits).toLocaleString("en"),
  ).replace(/(^|\s)-(?=\d)/g, "$1−");
}

/** The description without the range, which stands apart. */
function described({ description, min, max }: Parameter): string {
  const repeated = [`, ${min} to ${max}`, `, up to ${max}`, `${min} to 2^64 - 1. `, ", up to 64"];
  const text = repeated.reduce((rest, each) => rest.replace(each, ""), description.replace(/\.$/, ""));
  return text.replace(/ each; up to \d+$/, "").replace(/; up to \d+, each/, "; each");
}

function Field({ id, parameter, value, onChange }: {
  id: string;
  parameter: Parameter;
  value: unknown;
  onChange: (value: unknown) => void;
}) {
  // What is being written need not stand for a value yet.
  const [text, setText] = useState<string | null>(null);
  const isSet = value !== undefined;
  const label = labelOf(parameter.name);
  const fallback = parameter.default === null ? null : JSON.parse(parameter.default) as unknown;
  const slider = sliderOf(parameter);
  const unusable = text !== null && text.trim() !== "" && parsed(parameter, text) === undefined;
  const field = {
    id,
    "aria-describedby": `${id}-note`,
    "aria-invalid": unusable,
    value: text ?? written(value),
    placeholder: written(fallback),
    onInput: ({ currentTarget }: { currentTarget: HTMLInputElement | HTMLTextAreaElement }) => {
      setText(currentTarget.value);
      onChange(parsed(parameter, currentTarget.value));
    },
    onBlur: () => setText(null),
  };
  const isNumber = (parameter.type === "NUMBER" || parameter.type === "INTEGER") && parameter.name !== "seed";
  const isLong = parameter.type === "STRINGS" || parameter.type === "CONSTRAINT" ||
    parameter.type === "LOGIT_BIAS";
  return (
    <div class={`parameter ${isSet ? "set" : ""}`}>
      <div class="parameter-top">
        <label for={id}>{label}</label>
        {isSet
          ? (
            <button
              type="button"
              class="quiet small"
              onClick={() => {
                setText(null);
                onChange(undefined);
              }}
            >
              Back to {shown(parameter.default)}
              <span class="unseen">{`, ${label}`}</span>
            </button>
          )
          : (
            <span class="origin" title={SOURCES[parameter.origin]}>
              {shown(parameter.default)} · {ORIGINS[parameter.origin]}
            </span>
          )}
      </div>
      {parameter.type === "BOOLEAN"
        ? (
          <input
            id={id}
            aria-describedby={`${id}-note`}
            type="checkbox"
            checked={(value ?? fallback) === true}
            onChange={({ currentTarget }) => onChange(currentTarget.checked)}
          />
        )
        : isLong
        ? <textarea {...field} rows={1} spellcheck={false} />
        : (
          <div class="parameter-controls">
            {slider && (
              <input
                type="range"
                aria-label={`${label}, slider`}
                {...slider}
                value={Number(value ?? fallback ?? slider.min)}
                onInput={({ currentTarget }) => onChange(Number(currentTarget.value))}
              />
            )}
            <input
              {...field}
              type={isNumber ? "number" : "text"}
              inputMode={parameter.type === "NUMBER" ? "decimal" : "numeric"}
              {...isNumber && parameter.min !== null ? { min: parameter.min } : {}}
              {...isNumber && parameter.max !== null ? { max: parameter.max } : {}}
              step={parameter.type === "INTEGER" ? 1 : "any"}
            />
          </div>
        )}
      <p class="parameter-note" id={`${id}-note`}>
        {unusable && <span class="bad">{`Not yet ${EXPECTED[parameter.type] ?? "a value"}. `}</span>}
        {rangeOf(parameter) !== "" && <span class="range">{printed(rangeOf(parameter))}</span>}
        {[described(parameter), HINTS[parameter.type]].filter(Boolean).join(" · ")}
      </p>
    </div>
  );
}

const EXPECTED: Readonly<Record<string, string>> = {
  NUMBER: "a number",
  INTEGER: "a whole number",
  INTEGERS: "whole numbers",
  CONSTRAINT: "JSON",
  LOGIT_BIAS: "JSON",
};

const HINTS: Readonly<Record<string, string>> = {
  STRINGS: "one a line",
  CONSTRAINT: 'as JSON: {"choice": ["yes", "no"]}',
  LOGIT_BIAS: 'as JSON: [{"tokenId": 42, "bias": -5}]',
};
