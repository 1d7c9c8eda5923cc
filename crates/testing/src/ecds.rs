//! The filter's configuration as a resource of its own, which Envoy watches in a folder.

use super::Result;
use super::envoy::{Host, replaced};
use std::path::{Path, PathBuf};

const FILTER: &str = "          - name: trackgate\n            typed_config:\n";
const ROUTER: &str = "          - name: envoy.filters.http.router\n";

/// An empty folder.
///
/// # Errors
/// It cannot be made.
pub fn folder(name: &str) -> Result<PathBuf> {
    let folder = std::env::temp_dir().join(format!("trackgate-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// The bootstrap that refers to the filter's own part of a shipped one, and that part as a resource.
///
/// # Errors
/// The bootstrap is not as the shipped ones are.
pub fn discovered(folder: &Path, shipped: &str) -> Result<(String, String)> {
    let (before, rest) = shipped.split_once(FILTER).ok_or("no filter in the bootstrap")?;
    let (filter, after) = rest.split_once(ROUTER).ok_or("no router behind the filter")?;
    let type_url = match Host::tried() {
        Host::Wasm => "envoy.extensions.filters.http.wasm.v3.Wasm",
        Host::Module => "envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilter",
    };
    let reference = format!(
        "          - name: trackgate\n            config_discovery:\n              config_source:\n                resource_api_version: V3\n                \
         path_config_source: {{path: {0}/ecds.yaml, watched_directory: {{path: {0}}}}}\n              \
         type_urls: [type.googleapis.com/{type_url}]\n",
        folder.display()
    );
    let resource = format!(
        "resources:\n- \"@type\": type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig\n  name: trackgate\n  typed_config:\n{filter}"
    );
    let bootstrap =
        format!("node: {{id: test, cluster: test}}\n{before}{reference}{ROUTER}{after}");
    Ok((bootstrap, resource))
}

/// Replaces the file as a whole, as operators do.
///
/// # Errors
/// It cannot be written, or the resource is not as [`discovered`] makes it.
pub fn publish(folder: &Path, resource: &str, module: &Path, configuration: &str) -> Result<()> {
    let text = replaced(
        resource,
        &format!("filename: {}", Host::tried().file()),
        &format!("filename: {}", module.display()),
    )?;
    let text = replaced(&text, "value: '{}'", &format!("value: '{configuration}'"))?;
    std::fs::write(folder.join("next"), text)?;
    std::fs::rename(folder.join("next"), folder.join("ecds.yaml"))?;
    Ok(())
}
