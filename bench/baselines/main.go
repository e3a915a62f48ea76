// Command baselines does in Go what the original exporter and scraper do, for `make bench`:
//
//	baselines render REPORT.csv   a gauge with constant labels per row, gathered and encoded by promhttp
//	baselines parse TEXT.prom     expfmt's parser over the text
//
// It prints its figures as JSON.
package main

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: baselines render|parse FILE")
	}
	work := map[string]func(string) (int, int64, error){"render": render, "parse": parse}[os.Args[1]]
	if work == nil {
		log.Fatalf("%s: render or parse", os.Args[1])
	}
	start := time.Now()
	rows, bytes, err := work(os.Args[2])
	seconds := time.Since(start).Seconds()
	if err != nil {
		log.Fatal(err)
	}
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		log.Fatal(err)
	}
	cpu := time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
	figures, err := json.Marshal(map[string]any{
		"seconds": seconds, "cpu": cpu, "rss": usage.Maxrss * 1024, "rows": rows, "bytes": bytes,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(figures))
}

// render reads the whole report, registers a gauge for each row and encodes all of them.
func render(path string) (int, int64, error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer file.Close()
	records, err := csv.NewReader(file).ReadAll()
	if err != nil {
		return 0, 0, err
	}
	registry := prometheus.NewRegistry()
	names := records[0]
	for _, record := range records[1:] {
		if err := register(registry, names, record); err != nil {
			return 0, 0, err
		}
	}
	answer := &counted{header: http.Header{}}
	request, err := http.NewRequest(http.MethodGet, "/metrics", nil)
	if err != nil {
		return 0, 0, err
	}
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(answer, request)
	if answer.status >= http.StatusBadRequest {
		return 0, 0, fmt.Errorf("promhttp answers %d", answer.status)
	}
	return len(records) - 1, answer.bytes, nil
}

func register(registry *prometheus.Registry, names, record []string) error {
	labels := make(prometheus.Labels, len(names))
	cost := 0.0
	for i, name := range names {
		labels[name] = record[i]
		if name == "BilledCost" {
			cost, _ = strconv.ParseFloat(record[i], 64)
		}
	}
	gauge := prometheus.NewGauge(prometheus.GaugeOpts{Name: "billed_cost", ConstLabels: labels})
	gauge.Set(cost)
	// Identical charges are one series here: the original has no way to tell them apart.
	if err := registry.Register(gauge); err != nil && !errors.As(err, &prometheus.AlreadyRegisteredError{}) {
		return err
	}
	return nil
}

// counted is an answer whose body is counted and dropped.
type counted struct {
	header http.Header
	status int
	bytes  int64
}

func (c *counted) Header() http.Header    { return c.header }
func (c *counted) WriteHeader(status int) { c.status = status }
func (c *counted) Write(body []byte) (int, error) {
	c.bytes += int64(len(body))
	return len(body), nil
}

// parse reads the text as the scraper reads an answer.
func parse(path string) (int, int64, error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer file.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(file)
	if err != nil {
		return 0, 0, err
	}
	rows := 0
	for _, family := range families {
		rows += len(family.Metric)
	}
	size, err := file.Seek(0, io.SeekEnd)
	return rows, size, err
}
