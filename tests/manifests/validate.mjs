// Validates manifests against the schemas of the projects' own CRDs, as the kubernetes-models packages carry them.
// usage: validate.mjs FILE...; names each resource, and ends with 1 if one is wrong or of a kind it does not know.
import { readFile } from "node:fs/promises";
import { Gateway, HTTPRoute } from "@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1";
import { VirtualService } from "@kubernetes-models/istio/networking.istio.io/v1";
import { EnvoyFilter } from "@kubernetes-models/istio/networking.istio.io/v1alpha3";
import { WasmPlugin } from "@kubernetes-models/istio/extensions.istio.io/v1alpha1";
import {
  BackendTrafficPolicy,
  EnvoyExtensionPolicy,
  EnvoyPatchPolicy,
  EnvoyProxy,
} from "@kubernetes-models/envoy-gateway/gateway.envoyproxy.io/v1alpha1";
import { parseAllDocuments } from "yaml";

const kinds = {
  BackendTrafficPolicy,
  EnvoyExtensionPolicy,
  EnvoyFilter,
  EnvoyPatchPolicy,
  EnvoyProxy,
  Gateway,
  HTTPRoute,
  VirtualService,
  WasmPlugin,
};

function check(resource) {
  const Kind = kinds[resource.kind];
  if (!Kind) throw new Error(`a kind without a schema here: ${resource.kind}`);
  new Kind(resource).validate();
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
