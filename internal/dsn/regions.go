package dsn

import (
	"fmt"
)

// Regions are where Supabase runs shared poolers, as of 2026.
var Regions = []string{
	"us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1",
	"eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1", "eu-central-2", "eu-north-1",
	"ap-south-1", "ap-southeast-1", "ap-southeast-2", "ap-northeast-1", "ap-northeast-2",
}

// Clusters are the N of aws-N. Which one a project is on can't be inferred.
var Clusters = []uint{0, 1}

// IsRegion reports whether a word is like us-east-1.
func IsRegion(word string) bool { return len(word) <= 40 && region.MatchString(word) }

// SharedHost is the shared pooler of a region and cluster.
func SharedHost(cluster uint, region string) string {
	return fmt.Sprintf("aws-%d-%s.pooler.supabase.com", cluster, region)
}
