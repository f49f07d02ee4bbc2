/**
 * A model as a CycloneDX machine-learning bill of materials: its files with hashes, what it descends from, and how it was
 * merged. The library models components and serializes them; pedigree and model card, which it does not know, are added
 * to what it makes, after specification 1.6. The same folder gives the same bytes: lists keep the order they come in (the
 * library would sort by the machine's locale), and there is no serial number, and no time unless the caller brings it.
 */
import { ComponentType, HashAlgorithm } from "@cyclonedx/cyclonedx-library/Enums";
import {
  Bom,
  Component,
  HashDictionary,
  Property,
  PropertyRepository,
} from "@cyclonedx/cyclonedx-library/Models";
import { JSON as JsonFormat } from "@cyclonedx/cyclonedx-library/Serialize";
import { Spec1dot6 } from "@cyclonedx/cyclonedx-library/Spec";
import type { FileHash } from "../formats/artifact.ts";
import { VERSION } from "../version.ts";
import type { Inspection } from "./inspect.ts";
import type { MergeRecord, SourceRecord } from "./record.ts";

export interface BomOptions {
  /** What the model is called; a folder's own name where nobody has named it. */
  readonly name: string;
  /** Put into the document where given; it differs from run to run then. */
  readonly timestamp?: Date;
}

const factory = new JsonFormat.Normalize.Factory(Spec1dot6);
const normalizer = factory.makeForComponent();

/** JSON text of the document, with a line break at its end. */
export function modelBom(inspection: Inspection, options: BomOptions): string {
  const model = modelComponent(inspection, options.name);
  const bom = new Bom();
  bom.metadata.component = model;
  bom.metadata.tools.components.add(
    new Component(ComponentType.Application, "geodesic", { version: VERSION, bomRef: "tool:geodesic" }),
  );
  if (options.timestamp !== undefined) bom.metadata.timestamp = options.timestamp;
  const document = factory.makeForBom().normalize(bom, {});
  const { provenance } = inspection;
  const component = {
    ...document.metadata?.component,
    ...(provenance === null ? {} : { pedigree: pedigree(provenance, "ancestor") }),
    modelCard: modelCard(inspection),
  };
  return JSON.stringify({ ...document, metadata: { ...document.metadata, component } }, null, 2) + "\n";
}

function modelComponent(inspection: Inspection, name: string): Component {
  const { manifestSha256, files, provenance } = inspection;
  const component = new Component(ComponentType.MachineLearningModel, name, {
    bomRef: refOf(manifestSha256),
    version: manifestSha256,
    properties: properties({
      "manifest:sha256": manifestSha256,
      ...(provenance === null ? {} : {
        "merge:method": provenance.method,
        "merge:config:sha256": provenance.configuration.sha256,
        "merge:tool:version": provenance.toolVersion,
        "merge:matches-provenance": String(inspection.matchesProvenance),
      }),
    }),
  });
  for (const file of files) component.components.add(fileComponent(file, refOf(manifestSha256)));
  return component;
}

/** Hashes belong to files: a folder's manifest hash is no digest that a scanner could take of anything. */
function fileComponent({ path, sha256, sizeBytes }: FileHash, owner: string): Component {
  return new Component(ComponentType.File, path, {
    bomRef: `${owner}/${path}`,
    hashes: new HashDictionary([[HashAlgorithm["SHA-256"], sha256]]),
    properties: properties({ "size:bytes": String(sizeBytes) }),
  });
}

/**
 * The parents as they were when merged, each with its files. What a stage has made has parents of its own: nobody can
 * look at it, but at those. Each stage is told of once, where it is first used, so that no record, however it was made
 * up, makes the tree large or endless. `place` keeps references apart where a model stands in several places.
 */
function pedigree(record: MergeRecord, place: string, made = stagesByName(record)): Pedigree {
  const { sources, method, configuration } = record;
  return {
    ancestors: sources.map((source) => {
      const ref = `${place}:${refOf(source.manifestSha256)}:${source.name}`;
      const stage = made.get(source.name);
      made.delete(source.name);
      return {
        ...normalizer.normalize(ancestor(source, ref), {}),
        ...(stage === undefined ? {} : { pedigree: pedigree(stage, ref, made) }),
      };
    }),
    notes: `Merged by ${method} after mergekit's semantics; configuration:\n${configuration.text}`,
  };
}

function stagesByName({ stages = [] }: MergeRecord): Map<string, MergeRecord> {
  return new Map(stages.map(({ name, record }) => [name, record]));
}

interface Pedigree {
  readonly ancestors: readonly object[];
  readonly notes: string;
}

function ancestor(
  { name, isBase, layerRanges, manifestSha256, files }: SourceRecord,
  ref: string,
): Component {
  const component = new Component(ComponentType.MachineLearningModel, name, {
    bomRef: ref,
    version: manifestSha256,
    properties: properties({
      "manifest:sha256": manifestSha256,
      "merge:is-base": String(isBase),
      "merge:layers": layerRanges.map(([from, to]) => `[${from}, ${to})`).join(" "),
    }),
  });
  for (const file of files) component.components.add(fileComponent(file, ref));
  return component;
}

function modelCard({ architecture, config, parameterCount, weightBytes, dtypes, provenance }: Inspection) {
  return {
    modelParameters: {
      task: "text-generation",
      architectureFamily: "transformer",
      modelArchitecture: architecture,
      inputs: [{ format: "text" }],
      outputs: [{ format: "text" }],
    },
    properties: [
      ["parameters", String(parameterCount)],
      ["weight-bytes", String(weightBytes)],
      ...(config === null ? [] : [
        ["layers", String(config.layers)],
        ["context-length", String(config.maxPositionEmbeddings)],
      ]),
      ["dtypes", dtypes.map(({ dtype, tensors }) => `${dtype}: ${tensors} tensors`).join(", ")],
      ...(provenance?.curves ?? []).map(({ filter, t }) => [
        `merge:t:${filter ?? "other"}`,
        JSON.stringify(t),
      ]),
    ].map(([name, value]) => ({ name: `geodesic:${name}`, value })),
  };
}

function properties(values: Readonly<Record<string, string>>): PropertyRepository {
  return new PropertyRepository(
    Object.entries(values).map(([name, value]) => new Property(`geodesic:${name}`, value)),
  );
}

function refOf(manifestSha256: string): string {
  return `model:sha256:${manifestSha256}`;
}
