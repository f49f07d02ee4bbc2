/** References to the types that refer to each other. Their fields are given where the rest of their topic is. */
import type { Generation, Merge, Model, SamplingDefaults, Session } from "../src/app/types.ts";
import { builder } from "./builder.ts";

export const GenerationNode = builder.objectRef<Generation>("Generation");
export const SessionNode = builder.objectRef<Session>("Session");
export const ModelNode = builder.objectRef<Model>("Model");
export const MergeNode = builder.objectRef<Merge>("Merge");
export const SamplingDefaultsObject = builder.objectRef<SamplingDefaults>("SamplingDefaults");
