// Nfd reads the files of features on this machine as the worker of
// node-feature-discovery does, and applies a NodeFeatureRule to them as its
// master does. It prints, as one JSON object, the features, the labels that
// the worker makes of them by itself, and the labels of the rule. All of it
// is done by the packages that the worker and the master build with.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	nfdv1alpha1 "sigs.k8s.io/node-feature-discovery/api/nfd/v1alpha1"
	"sigs.k8s.io/node-feature-discovery/pkg/apis/nfd/nodefeaturerule"
	"sigs.k8s.io/node-feature-discovery/pkg/apis/nfd/validate"
	"sigs.k8s.io/node-feature-discovery/source"
	"sigs.k8s.io/node-feature-discovery/source/local"
	"sigs.k8s.io/yaml"
)

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var rule nfdv1alpha1.NodeFeatureRule
	if err := yaml.UnmarshalStrict(text, &rule); err != nil {
		return err
	}
	from := source.GetFeatureSource(local.Name)
	if err := from.Discover(); err != nil {
		return err
	}
	discovered := from.GetFeatures()
	features := nfdv1alpha1.NewFeatures()
	for name, attributes := range discovered.Attributes {
		features.Attributes[local.Name+"."+name] = attributes
	}
	ours := map[string]string{}
	for i := range rule.Spec.Rules {
		output, err := nodefeaturerule.Execute(&rule.Spec.Rules[i], features, true)
		if err != nil {
			return err
		}
		for key, value := range output.Labels {
			if err := validate.Label(key, value); err != nil {
				return fmt.Errorf("%s=%s: %w", key, value, err)
			}
			ours[key] = value
		}
	}
	own, err := source.GetLabelSource(local.Name).GetLabels()
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{
		"features": discovered.Attributes[local.RawFeature].Elements,
		"worker":   own,
		"rule":     ours,
	})
}
