//! What our generator makes, beside Envoy Gateway's own test data.

use crate::controllers::documents;
use serde_json::Value;
use trackgate_testing::envoy_gateway::Gateway;

/// Envoy Gateway's own test data: `None` where it is not there.
fn golden(file: &str) -> Option<Value> {
    let folder = trackgate_testing::path("../shared/controllers/envoy-gateway");
    let text = std::fs::read_to_string(folder.join(file)).ok()?;
    Some(documents(&text).remove(0))
}

/// `typedConfig` as `typed_config`; names of filters and types stay.
fn snake(value: &Value) -> Value {
    let name = |name: &str| {
        if name.contains(['.', '/', '@']) {
            return name.to_owned();
        }
        let letters = name.chars().flat_map(|letter| {
            letter.is_uppercase().then_some('_').into_iter().chain(letter.to_lowercase())
        });
        letters.collect()
    };
    match value {
        Value::Object(members) => {
            members.iter().map(|(key, value)| (name(key), snake(value))).collect()
        }
        Value::Array(list) => list.iter().map(snake).collect(),
        other => other.clone(),
    }
}

/// What a golden file has, without what is not the filters' matter.
fn routes_of(file: &Value) -> Vec<Value> {
    let configurations = file.as_array().unwrap().iter();
    let hosts = configurations.flat_map(|it| it["virtual_hosts"].as_array().unwrap());
    let routes = hosts.flat_map(|host| host["routes"].as_array().unwrap().clone());
    routes
        .map(|mut route| {
            route.as_object_mut().unwrap().remove("metadata");
            // Protobuf's JSON writes a number of 64 bits as a string.
            if let Some(limit) = route.get_mut("request_body_buffer_limit") {
                *limit = limit.as_str().unwrap().parse::<u64>().unwrap().into();
            }
            if let Some(action) = route.get_mut("route") {
                action["cluster"] = "collector".into();
            }
            route
        })
        .collect()
}

fn filters_of(listener: &Value) -> Vec<Value> {
    let manager = &listener["default_filter_chain"]["filters"][0]["typed_config"];
    manager["http_filters"].as_array().unwrap().clone()
}

#[test]
fn the_generator_makes_what_envoy_gateway_makes() {
    const DATA: &str = "internal/xds/translator/testdata";
    let pairs = [
        ("", "wasm"),
        ("", "dynamicmodule"),
        ("", "request-buffer"),
        ("", "client-buffer-limit"),
        ("pr-8893/", "request-body-buffer-limit"),
    ];
    let mut compared = 0;
    for (folder, name) in pairs {
        let file = |way: &str, part: &str| {
            golden(&format!("{folder}{DATA}/{way}/xds-ir/{name}{part}.yaml"))
        };
        let (Some(from), Some(listeners), Some(routes)) =
            (file("in", ""), file("out", ".listeners"), file("out", ".routes"))
        else {
            eprintln!("skipped: Envoy Gateway's golden {name} is not beside this checkout");
            continue;
        };
        let gateways = Gateway::of_intermediate(&from);
        let listeners = snake(&listeners);
        for (gateway, listener) in gateways.iter().zip(listeners.as_array().unwrap()) {
            assert_eq!(gateway.filters(), filters_of(listener), "{name}");
            let made = gateway.listener("default/eg/http");
            let limit = "per_connection_buffer_limit_bytes";
            assert_eq!(made[limit], listener[limit], "{name}");
        }
        let made: Vec<Value> = gateways.iter().flat_map(Gateway::routes).collect();
        assert_eq!(made, routes_of(&snake(&routes)), "{name}");
        compared += 1;
    }
    let order = |way: &str, part: &str| {
        golden(&format!("{DATA}/{way}/xds-ir/custom-filter-order{part}.yaml"))
    };
    if let (Some(from), Some(listeners)) = (order("in", ""), order("out", ".listeners")) {
        let names = |filters: Vec<Value>| -> Vec<Value> {
            filters.into_iter().map(|filter| filter["name"].clone()).collect()
        };
        let made = Gateway::of_intermediate(&from).remove(0).filters();
        assert_eq!(names(made), names(filters_of(&snake(&listeners)[0])));
        compared += 1;
    }
    eprintln!("{compared} of 6 golden pairs compared");
}
