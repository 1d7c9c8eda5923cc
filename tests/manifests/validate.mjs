// Validates manifests against the schemas of the projects' own CRDs, as the kubernetes-models packages carry them.
// usage: validate.mjs FILE...; names each resource, and ends with 1 if one is wrong or of a kind it does not know.
import { readFile } from "node:fs/promises";
import { Gateway, HTTPRoute } from "@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1";
import { VirtualService } from "@kubernetes-models/istio/networking.istio.io/v1";
import { EnvoyFilter } from "@kubernetes-models/istio/networking.istio.io/v1alpha3";
import { WasmPlugin } from "@kubernetes-models/istio/extensions.istio.io/v1alpha1";
import {
  BackendTrafficPolicy,
  ClientTrafficPolicy,
  EnvoyExtensionPolicy,
  EnvoyPatchPolicy,
  EnvoyProxy,
} from "@kubernetes-models/envoy-gateway/gateway.envoyproxy.io/v1alpha1";
import { parseAllDocuments } from "yaml";

const kinds = {
  BackendTrafficPolicy,
  ClientTrafficPolicy,
  EnvoyExtensionPolicy,
  EnvoyFilter,
  EnvoyPatchPolicy,
  EnvoyProxy,
  Gateway,
  HTTPRoute,
  VirtualService,
  WasmPlugin,
};

// Envoy Gateway has dynamic modules from 1.8 on; the package is older and lets members pass that it does not know. These are the members, and
// `null` is where a value of the user's stands.
const modules = {
  EnvoyProxy: ["dynamicModules", { name: null, source: { type: null, local: { path: null } } }],
  EnvoyExtensionPolicy: ["dynamicModule", { name: null, filterName: null, config: null }],
};

// Istio's TrafficExtension is newer than the package, too. Its wasm has WasmPlugin's own members, and is checked as one.
const extension = { selector: null, phase: null, priority: null, wasm: null };

function checkExtension(resource) {
  compare(resource.spec, extension, "spec");
  const { wasm, ...rest } = resource.spec;
  new WasmPlugin({ ...resource, kind: "WasmPlugin", spec: { ...rest, ...wasm } }).validate();
}

function compare(found, known, where) {
  for (const [name, value] of Object.entries(found)) {
    if (!(name in known)) throw new Error(`${where}.${name}: not a member of this API`);
    if (known[name]) compare(value, known[name], `${where}.${name}`);
  }
  const missing = Object.keys(known).find((name) => !(name in found));
  if (missing) throw new Error(`${where}: ${missing} is missing`);
}

function check(resource) {
  if (resource.kind === "TrafficExtension") return checkExtension(resource);
  const Kind = kinds[resource.kind];
  if (!Kind) throw new Error(`a kind without a schema here: ${resource.kind}`);
  new Kind(resource).validate();
  const [list, entry] = modules[resource.kind] ?? [];
  for (const found of resource.spec[list] ?? []) compare(found, entry, `spec.${list}`);
}

let wrong = 0;
for (const file of process.argv.slice(2)) {
  for (const document of parseAllDocuments(await readFile(file, "utf8"))) {
    const resource = document.toJS();
    try {
      if (document.errors.length) throw document.errors[0];
      check(resource);
      console.log(`${file}: ${resource.kind} ${resource.metadata.name}: valid`);
    } catch (error) {
      wrong += 1;
      console.log(`${file}: ${resource?.kind}: ${error.message}`);
    }
  }
}
process.exit(wrong ? 1 : 0);
