// Has an image pulled by a message, and waits for the outcome. Usage: go run . REFERENCE
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"
)

type fact struct {
	Type string `json:"type"`
	Data struct {
		Request string `json:"request"`
		Outcome struct {
			Repository string `json:"repository"`
			Digest     string `json:"digest"`
		} `json:"outcome"`
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	} `json:"data"`
}

func main() {
	reference := "alpine:3"
	if len(os.Args) > 1 {
		reference = os.Args[1]
	}
	image, err := pull(reference)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(image)
}

func pull(reference string) (string, error) {
	url := os.Getenv("NATS_URL")
	if url == "" {
		url = nats.DefaultURL
	}
	bus, err := nats.Connect(url)
	if err != nil {
		return "", err
	}
	defer bus.Close()

	// Listen before asking: the outcome is said once.
	outcomes, err := bus.SubscribeSync("entrepot.outcome.anonymous.*")
	if err != nil {
		return "", err
	}
	id := nuid.Next()
	event, err := json.Marshal(map[string]any{
		"specversion": "1.0",
		"id":          id,
		"source":      "examples/go",
		"type":        "dev.entrepot.request.pull.v1",
		"data":        map[string]string{"reference": reference},
	})
	if err != nil {
		return "", err
	}
	if err := bus.Publish("entrepot.request.pull", event); err != nil {
		return "", err
	}
	for {
		message, err := outcomes.NextMsg(10 * time.Minute)
		if err != nil {
			return "", err
		}
		var said fact
		if err := json.Unmarshal(message.Data, &said); err != nil || said.Data.Request != id {
			continue
		}
		if said.Type == "dev.entrepot.fact.operation.completed.v1" {
			return said.Data.Outcome.Repository + "@" + said.Data.Outcome.Digest, nil
		}
		if said.Data.Error.Message == "" {
			return "", errors.New("it was called off")
		}
		return "", errors.New(said.Data.Error.Message)
	}
}
